#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

struct LibsvmFile {
  TemporaryFolder folder;
  DatasetSpec With(const std::string& text, int64_t features = 3) const {
    return LibsvmSpec(folder.Write("t.svm", text), features);
  }
  std::string Error(const std::string& text, int64_t features = 3) const {
    return ErrorOf(With(text, features));
  }
};

TEST_CASE("libsvm lines become dense rows, with 0 for what is not written") {
  const LibsvmFile file;
  const auto data =
      MustOpen(file.With("# a title\n3 1:0.5 3:-2\n\n0\n1.5\t2:1e1   # 3:7\r\n7 1:1 2:2 3:3"));
  CHECK(data->samples() == 4);
  CHECK(data->sample_shape() == Shape{3});
  const Values values = ReadAll(*data);
  CHECK(values.features == std::vector<float>{.5, 0, -2, 0, 0, 0, 0, 10, 0, 1, 2, 3});
  CHECK(values.labels == std::vector<float>{3, 0, 1.5, 7});
}

TEST_CASE("libsvm labels -1 and +1 become 0 and 1, and all others stay") {
  const LibsvmFile file;
  const auto labels = [&](const std::string& text) {
    return ReadAll(*MustOpen(file.With(text))).labels;
  };
  CHECK(labels("-1 1:1\n+1 1:1\n1 1:1\n-1\n") == std::vector<float>{0, 1, 1, 0});
  CHECK(labels("+1\n+1\n") == std::vector<float>{1, 1});
  CHECK(labels("-1\n0\n1\n") == std::vector<float>{-1, 0, 1});
  CHECK(labels("0\n1\n") == std::vector<float>{0, 1});
  CHECK(labels("1\n2\n") == std::vector<float>{1, 2});
}

TEST_CASE("a libsvm index outside the features or out of order is refused with its line") {
  const LibsvmFile file;
  CHECK_THAT(file.Error("1 1:1\n1 4:1\n"),
             Contains("t.svm: line 2: found index '4'; expected 1 to 3"));
  CHECK_THAT(file.Error("1 0:1\n"), Contains("line 1: found index '0'; expected 1 to 3"));
  CHECK_THAT(file.Error("1 -1:1\n"), Contains("found index '-1'"));
  CHECK_THAT(file.Error("1 2:1 1:1\n"), Contains("found index '1'; expected an index above 2"));
  CHECK_THAT(file.Error("1 2:1 2:1\n"), Contains("found index '2'; expected an index above 2"));
  CHECK_THAT(file.Error("1 99999999999999999999:1\n"), Contains("expected a whole number"));
  CHECK_THAT(file.Error("1 qid:3 1:1\n"), Contains("found index 'qid'; expected a whole number"));
}

TEST_CASE("a libsvm word that is no pair of numbers is refused with what was found") {
  const LibsvmFile file;
  CHECK_THAT(file.Error("1 1\n"), Contains("line 1: found '1'; expected INDEX:VALUE"));
  CHECK_THAT(file.Error("1 1:\n"), Contains("line 1: index 1: found nothing"));
  CHECK_THAT(file.Error("1 1:x\n"), Contains("line 1: index 1: found 'x'"));
  CHECK_THAT(file.Error("1 1:nan\n"), Contains("line 1: index 1: found 'nan'"));
  CHECK_THAT(file.Error("1,2 1:1\n"), Contains("line 1: label: found '1,2'"));
  CHECK_THAT(file.Error("inf 1:1\n"), Contains("line 1: label: found 'inf'"));
  CHECK_THAT(file.Error("# nothing\n"), Contains("expected samples"));
  CHECK_THAT(file.Error("1 1:1\n", 0), Contains("features: found 0; expected at least 1"));
}

TEST_CASE("a number of features that no host can hold is refused before it is allocated") {
  const LibsvmFile file;
  const auto data = OpenDataset(file.With("1 1:1\n", int64_t{1} << 60), "");
  CHECK(data.status().code() == absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace paracord
