#include "tests/worker/data/data_files.h"
#include "worker/data/dataset_cache.h"

namespace paracord {
namespace {

using Catch::Contains;

// A part of the text as the values of one sample and its labels.
std::vector<float> Tokens(const std::string& text, size_t at, size_t count) {
  std::vector<float> tokens;
  for (size_t i = at; i < at + count; ++i) tokens.push_back(static_cast<uint8_t>(text[i]));
  return tokens;
}

TEST_CASE("a sample of text is its bytes, and its labels are the next ones") {
  const TemporaryFolder folder;
  const std::string text = RandomBytes(7, 1000);
  for (const int64_t context : {1, 7, 128}) {
    for (const int64_t stride : {int64_t{1}, int64_t{5}, context}) {
      const auto data = MustOpen(TextSpec(folder.Write("t", text), context, stride));
      CAPTURE(context, stride);
      CHECK(data->sample_shape() == Shape{context});
      CHECK(data->label_floats() == context);
      CHECK(data->samples() == static_cast<uint64_t>((1000 - context - 1) / stride + 1));
      const Values values = ReadAll(*data);
      const size_t size = static_cast<size_t>(context);
      for (size_t i = 0; i < data->samples(); ++i) {
        const size_t at = i * static_cast<size_t>(stride);
        const auto row = values.features.begin() + static_cast<int64_t>(i * size);
        const auto labels = values.labels.begin() + static_cast<int64_t>(i * size);
        REQUIRE(std::vector<float>(row, row + context) == Tokens(text, at, size));
        REQUIRE(std::vector<float>(labels, labels + context) == Tokens(text, at + 1, size));
      }
    }
  }
}

TEST_CASE("packed text gives the samples of the text") {
  const TemporaryFolder folder;
  const std::string text = "To be, or not to be, that is the question.";
  CHECK(ReadAll(*MustOpen(TextSpec(folder.Write("t.gz", Gzip(text)), 5, 5))) ==
        ReadAll(*MustOpen(TextSpec(folder.Write("t", text), 5, 5))));
}

TEST_CASE("the parts of a split text share no byte and leave none out") {
  const TemporaryFolder folder;
  const std::string text = RandomBytes(8, 1003);
  const std::string path = folder.Write("t", text);
  const Values head = ReadAll(*MustOpen(TextSpec(path, 10, 1, 0, 0.9)));
  const Values tail = ReadAll(*MustOpen(TextSpec(path, 10, 1, 0.9, 1)));
  CHECK(head.features.size() == (902 - 10) * 10);
  CHECK(std::vector<float>(head.labels.end() - 10, head.labels.end()) == Tokens(text, 892, 10));
  CHECK(std::vector<float>(tail.features.begin(), tail.features.begin() + 10) ==
        Tokens(text, 902, 10));
  CHECK(std::vector<float>(tail.labels.end() - 10, tail.labels.end()) == Tokens(text, 993, 10));
}

TEST_CASE("labels of text range over the bytes that are predicted") {
  const TemporaryFolder folder;
  const auto data = MustOpen(TextSpec(folder.Write("t", "zabcd"), 2, 2));
  CHECK(data->min_label() == 'a');
  CHECK(data->max_label() == 'd');
  CHECK(data->integer_labels());
}

TEST_CASE("text stays bytes in its cache file, each once") {
  const TemporaryFolder folder;
  const std::string text = RandomBytes(9, 10000);
  const DatasetSpec spec = TextSpec(folder.Write("t", text), 128, 1);
  const Values values = ReadAll(*MustOpen(spec));
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(ReadAll(*MustOpen(spec, folder.Path("cache"))) == values);
  }
  const std::string cached = ReadBytes(DatasetCache(spec, folder.Path("cache")).path());
  CHECK(cached.size() < text.size() + 1000);
  CHECK(cached.find(text) != std::string::npos);
}

TEST_CASE("text that is empty or too short for one sample is refused") {
  const TemporaryFolder folder;
  CHECK_THAT(ErrorOf(TextSpec(folder.Write("t", ""), 4, 4)), Contains("t: the file is empty"));
  CHECK_THAT(ErrorOf(TextSpec(folder.Write("t.gz", Gzip("")), 4, 4)), Contains("is empty"));
  CHECK_THAT(ErrorOf(TextSpec(folder.Write("t", "abcd"), 4, 4)),
             Contains("found 4 bytes") && Contains("expected at least 5"));
  CHECK(ErrorOf(TextSpec(folder.Write("t", "abcde"), 4, 4)).empty());
  CHECK_THAT(ErrorOf(TextSpec(folder.Write("t", "abcde"), 4, 4, 0.5, 1)),
             Contains("found 3 bytes in the part from 0.5 to 1 of 5"));
  CHECK_THAT(ErrorOf(TextSpec(folder.Path("none"), 4, 4)), Contains("cannot be read"));
  CHECK_THAT(ErrorOf(TextSpec(folder.Write("t", "abcde"), 0, 1)), Contains("context 0"));
}

TEST_CASE("tinyshakespeare splits into the parts that its reference figures are of") {
  const std::string path = RealData("tinyshakespeare/input.txt");
  if (path.empty()) return;
  const auto train = MustOpen(TextSpec(path, 128, 128, 0, 0.9));
  const auto test = MustOpen(TextSpec(path, 128, 128, 0.9, 1));
  CHECK(train->samples() == 1003854 / 128);
  CHECK(test->samples() == 111540 / 128);
  CHECK(train->max_label() == 'z');
  CHECK(train->min_label() == '\n');
}

}  // namespace
}  // namespace paracord
