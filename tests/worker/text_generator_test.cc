#include "worker/text_generator.h"

#include <map>

#include "tests/worker/trained_files.h"

namespace paracord {
namespace {

constexpr const char* kText = "{train: {format: text, path: t.txt, context: 8}}";
constexpr const char* kGpt =
    "{preset: {gpt: {layers: 2, width: 8, heads: 2, context: 8, vocabulary: 256}}}";

GenerateRequest Request(const std::string& prompt, uint64_t tokens, double temperature,
                        int64_t top_k = 0, uint64_t seed = 1) {
  return {prompt, tokens, temperature, top_k, seed};
}

struct Writer {
  TrainedFiles files;
  std::unique_ptr<TrainedModel> trained;
  std::unique_ptr<TextVocabulary> vocabulary;

  explicit Writer(const std::string& model = kGpt) : trained(files.Train(files.Job(model, kText))) {
    vocabulary = OpenVocabulary(trained->spec().train).value();
  }
  std::string Write(const GenerateRequest& request) const {
    return Generate(*trained, *vocabulary, request).value();
  }
};

TEST_CASE("a token is drawn as often as its share says, and never beyond the likeliest k") {
  const std::vector<float> logits = {0, std::log(2.0f), -50, std::log(5.0f)};
  CHECK(DrawToken(logits.data(), 4, 0, 0, 0.99) == 3);
  // Side by side, the likeliest first: 5/8, 2/8, 1/8.
  CHECK(DrawToken(logits.data(), 4, 1, 0, 0) == 3);
  CHECK(DrawToken(logits.data(), 4, 1, 0, 0.624) == 3);
  CHECK(DrawToken(logits.data(), 4, 1, 0, 0.626) == 1);
  CHECK(DrawToken(logits.data(), 4, 1, 0, 0.874) == 1);
  CHECK(DrawToken(logits.data(), 4, 1, 0, 0.876) == 0);
  CHECK(DrawToken(logits.data(), 4, 1, 2, 0.9999) == 1);
  CHECK(DrawToken(logits.data(), 4, 1, 1, 0.9999) == 3);
  // Half the temperature squares the shares: 25/30, 4/30, 1/30.
  CHECK(DrawToken(logits.data(), 4, 0.5, 0, 24.9 / 30) == 3);
  CHECK(DrawToken(logits.data(), 4, 0.5, 0, 25.1 / 30) == 1);
  CHECK(DrawToken(logits.data(), 4, 1e-30, 0, 0.9999) == 3);
  const std::vector<float> equal = {1, 7, 7, 7};
  CHECK(DrawToken(equal.data(), 4, 0, 0, 0.5) == 1);
  CHECK(DrawToken(equal.data(), 4, 1, 2, 0.9999) == 2);
}

TEST_CASE("the same seed writes the same text, another seed another") {
  const Writer writer;
  const std::string first = writer.Write(Request("To be", 20, 1));
  CHECK(first.size() == 20);
  CHECK(writer.Write(Request("To be", 20, 1)) == first);
  CHECK(writer.Write(Request("To be", 30, 1)).substr(0, 20) == first);
  CHECK(writer.Write(Request("To be", 20, 1, 0, 2)) != first);
  const std::string greedy = writer.Write(Request("To be", 20, 0));
  CHECK(writer.Write(Request("To be", 20, 0, 0, 9)) == greedy);
  CHECK(writer.Write(Request("To be", 20, 1, 1, 9)) == greedy);
}

TEST_CASE("each token follows from a pass over those before it, the last eight of them") {
  const Writer writer;
  const std::string prompt = "abc";
  const std::string text = prompt + writer.Write(Request(prompt, 12, 0));
  for (size_t at = prompt.size(); at < text.size(); ++at) {
    const std::string seen = text.substr(at < 8 ? 0 : at - 8, std::min<size_t>(at, 8));
    for (const float padding : {0.0f, 200.0f}) {
      std::vector<float> ids(8, padding), outputs(8 * 256);
      for (size_t i = 0; i < seen.size(); ++i) ids[i] = static_cast<unsigned char>(seen[i]);
      Pass pass(writer.trained->model(), 1);
      REQUIRE(writer.trained->Ask(&pass, {ids.data(), nullptr, 1}, outputs.data()).ok());
      const float* logits = &outputs[(seen.size() - 1) * 256];
      CHECK(std::max_element(logits, logits + 256) - logits ==
            static_cast<unsigned char>(text[at]));
    }
  }
}

TEST_CASE("a vocabulary of bytes turns any text into tokens and back") {
  const Writer writer;
  std::string text;
  for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
  const std::vector<int64_t> tokens = writer.vocabulary->Encode(text);
  CHECK(tokens[200] == 200);
  CHECK(writer.vocabulary->Decode(tokens) == text);
}

TEST_CASE("what gives no text is refused with what was expected") {
  const Writer writer;
  const auto empty = Generate(*writer.trained, *writer.vocabulary, Request("", 5, 1));
  CHECK(std::string(empty.status().message()).find("empty prompt") != std::string::npos);
  const std::map<std::string, std::string> refused = {
      {"{input: [8], layers: [{embedding: {vocabulary: 256, width: 4}}, {attention: {heads: 1}}, "
       "{linear: 256}], loss: softmax_cross_entropy}",
       "attention, which may look at tokens"},
      {"{input: [8], layers: [{embedding: {vocabulary: 256, width: 8}}, transpose, {linear: 8}, "
       "transpose, {linear: 256}], loss: softmax_cross_entropy}",
       "transpose, which may look"},
      {"{input: [8], layers: [{linear: 8}], loss: mse}", "found a model from [8] to [8]"}};
  for (const auto& [model, why] : refused) {
    const Writer other(model);
    const auto text = Generate(*other.trained, *other.vocabulary, Request("a", 5, 1));
    CHECK(absl::IsInvalidArgument(text.status()));
    CHECK_THAT(std::string(text.status().message()), Catch::Contains(why));
  }
  DatasetSpec images;
  CHECK(absl::IsInvalidArgument(OpenVocabulary(images).status()));
}

}  // namespace
}  // namespace paracord
