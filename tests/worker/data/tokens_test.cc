#include <chrono>

#include "common/job/learn_vocabulary.h"
#include "tests/worker/data/data_files.h"
#include "worker/data/cache_key.h"
#include "worker/data/dataset_cache.h"
#include "worker/data/model_check.h"
#include "worker/data/vocabulary_file.h"

namespace paracord {
namespace {

using Catch::Contains;

Vocabulary Learned(const std::string& text, size_t tokens) {
  VocabularyLearner learner;
  learner.Add(text);
  return learner.Learn(tokens).value();
}

// Text of words drawn from a few.
std::string Words(uint64_t seed, size_t count) {
  const char* const words[] = {"the ", "cat ", "sat ", "on ", "a ", "mat\n", "12, ", "h\xc3\xa4t "};
  std::string text;
  for (size_t i = 0; i < count; ++i) text += words[Philox(seed, 1, i)[0] % 8];
  return text;
}

struct TokenText {
  TemporaryFolder folder;
  std::string text = Words(1, 2000);
  Vocabulary vocabulary = Learned(text, 270);
  std::string text_path = folder.Write("t", text);
  std::string vocabulary_path = folder.Write("v", vocabulary.Text());

  DatasetSpec Spec(int64_t context, int64_t stride, double from = 0, double to = 1) const {
    DatasetSpec spec = TextSpec(text_path, context, stride, from, to);
    spec.vocabulary = vocabulary_path;
    return spec;
  }
};

TEST_CASE("a sample of text with a vocabulary is its tokens, and its labels are the next ones") {
  const TokenText t;
  for (const int64_t context : {1, 16}) {
    for (const int64_t stride : {int64_t{1}, int64_t{5}, context}) {
      const auto data = MustOpen(t.Spec(context, stride, 0.25, 0.75));
      CAPTURE(context, stride);
      const size_t first = t.text.size() / 4, last = 3 * t.text.size() / 4;
      const std::string part = t.text.substr(first, last - first);
      const std::vector<uint16_t> tokens = t.vocabulary.Encode(part);
      const auto size = static_cast<size_t>(context), step = static_cast<size_t>(stride);
      REQUIRE(data->samples() == (tokens.size() - size - 1) / step + 1);
      CHECK(data->vocabulary() == 270);
      const Values values = ReadAll(*data);
      double bytes = 0;
      for (size_t i = 0; i < data->samples(); ++i) {
        for (size_t k = 0; k < size; ++k) {
          REQUIRE(values.features[i * size + k] == tokens[i * step + k]);
          REQUIRE(values.labels[i * size + k] == tokens[i * step + k + 1]);
          bytes += static_cast<double>(t.vocabulary.BytesOf(tokens[i * step + k + 1]).size());
        }
      }
      CHECK(data->bytes_per_label() == bytes / static_cast<double>(data->samples() * size));
      CHECK(data->max_label() == *std::max_element(values.labels.begin(), values.labels.end()));
      CHECK(data->min_label() == *std::min_element(values.labels.begin(), values.labels.end()));
    }
  }
}

TEST_CASE("bytes have one byte a label, and a vocabulary without merges gives their samples") {
  TokenText t;
  t.vocabulary_path = t.folder.Write("bytes", Vocabulary().Text());
  const auto bytes = MustOpen(TextSpec(t.text_path, 8, 3));
  const auto tokens = MustOpen(t.Spec(8, 3));
  CHECK(ReadAll(*tokens) == ReadAll(*bytes));
  CHECK(bytes->vocabulary() == 0);
  CHECK(bytes->bytes_per_label() == 1);
  CHECK(tokens->bytes_per_label() == 1);
}

TEST_CASE("tokens are cached, each once, with all that is known of them") {
  const TokenText t;
  const DatasetSpec spec = t.Spec(32, 4);
  const auto fresh = MustOpen(spec);
  for (int turn = 0; turn < 2; ++turn) {
    const auto cached = MustOpen(spec, t.folder.Path("cache"));
    CHECK(ReadAll(*cached) == ReadAll(*fresh));
    CHECK(cached->vocabulary() == 270);
    CHECK(cached->bytes_per_label() == fresh->bytes_per_label());
    CHECK(cached->max_label() == fresh->max_label());
    REQUIRE(cached->files().size() == 2);
    CHECK(cached->files()[1].path == t.vocabulary_path);
  }
  const std::string file = ReadBytes(DatasetCache(spec, t.folder.Path("cache")).path());
  CHECK(file.size() < 2 * t.vocabulary.Encode(t.text).size() + 1500);
}

TEST_CASE("a vocabulary with other contents makes another data set, whatever its file's times") {
  const TokenText t;
  const DatasetSpec spec = t.Spec(32, 4);
  const std::string cache = t.folder.Path("cache");
  const Values before = ReadAll(*MustOpen(spec, cache));
  const std::string key = CacheKey(spec);
  const auto time = std::filesystem::last_write_time(t.vocabulary_path);
  std::string other = t.vocabulary.Text();
  const size_t line = other.find('\n', other.find("tokens")) + 1;
  const size_t next = other.find('\n', line) + 1, third = other.find('\n', next) + 1;
  // The first two merges change places, as long as the third does not build on them.
  other = other.substr(0, line) + other.substr(next, third - next) +
          other.substr(line, next - line) + other.substr(third);
  REQUIRE(other.size() == t.vocabulary.Text().size());
  t.folder.Write("v", other);
  std::filesystem::last_write_time(t.vocabulary_path, time);
  CHECK(CacheKey(spec) != key);
  const auto after = MustOpen(spec, cache);
  CHECK(ReadAll(*after) != before);
  CHECK(ReadAll(*after) == ReadAll(*MustOpen(spec)));
  t.folder.Write("v", t.vocabulary.Text());
  CHECK(CacheKey(spec) == key);
  CHECK(ReadAll(*MustOpen(spec, cache)) == before);
}

TEST_CASE("text of a broken vocabulary is refused with the vocabulary's path and line") {
  TokenText t;
  t.folder.Write("v", "paracord-vocabulary 1\ntokens 257\n97\n");
  CHECK_THAT(ErrorOf(t.Spec(4, 4)), Contains("v: line 3: found '97'"));
  t.folder.Write("v", std::string(Vocabulary::kMostTextBytes + 1, 'x'));
  CHECK_THAT(ErrorOf(t.Spec(4, 4)), Contains("v: found more than") && Contains("tokenize"));
  t.vocabulary_path = t.folder.Path("none");
  CHECK_THAT(ErrorOf(t.Spec(4, 4)), Contains("none: cannot be read"));
  t.vocabulary_path = t.folder.Path("");
  CHECK_THAT(ErrorOf(t.Spec(4, 4)), Contains("not a regular file"));
  CHECK_FALSE(OpenDataset(t.Spec(4, 4), t.folder.Path("cache")).ok());
}

TEST_CASE("text with too few tokens for one sample is refused") {
  TokenText t;
  t.text_path = t.folder.Write("short", "the cat");
  const size_t tokens = t.vocabulary.Encode("the cat").size();
  CHECK(ErrorOf(t.Spec(static_cast<int64_t>(tokens) - 1, 1)).empty());
  CHECK_THAT(ErrorOf(t.Spec(static_cast<int64_t>(tokens), 1)),
             Contains("tokens in the part from 0 to 1 of 7 bytes; expected at least") &&
                 Contains("the token after it"));
}

ModelSpec LanguageModel(int64_t embedded, int64_t classes) {
  ModelSpec model;
  model.input = {16};
  LayerSpec embedding, linear;
  embedding.kind = LayerKind::kEmbedding;
  embedding.vocabulary = embedded;
  linear.kind = LayerKind::kLinear;
  linear.source = 0;
  linear.output = {16, classes};
  model.layers = {embedding, linear};
  return model;
}

TEST_CASE("a model reads and predicts as many tokens as the vocabulary has") {
  const TokenText t;
  DatasetSpec spec = t.Spec(16, 16);
  spec.line = 7;
  const auto data = MustOpen(spec);
  const auto error = [&](const ModelSpec& model) {
    return std::string(CheckAgainstModel(*data, spec, model).message());
  };
  CHECK(error(LanguageModel(270, 270)).empty());
  CHECK_THAT(error(LanguageModel(256, 270)),
             Contains("line 7: ") && Contains("/t: found a vocabulary of 270 tokens; the model's "
                                              "embedding expects 256"));
  CHECK_THAT(
      error(LanguageModel(270, 274)),
      Contains("found a vocabulary of 270 tokens; the model's output [16, 274] expects 274"));
}

TEST_CASE("real text comes back from its tokens, at some millions of bytes a second") {
  const std::string path = RealData("tinyshakespeare/input.txt");
  if (path.empty()) return;
  const std::string text = ReadBytes(path);
  const Vocabulary vocabulary = Learned(text, 1024);
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<uint16_t> tokens = vocabulary.Encode(text);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(*vocabulary.Decode(tokens) == text);
  CHECK(tokens.size() < text.size() / 2);
  CHECK(static_cast<double>(text.size()) / seconds > 1e5);  // far below any host's, sanitized too
}

}  // namespace
}  // namespace paracord
