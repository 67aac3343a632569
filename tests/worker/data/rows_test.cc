#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

TEST_CASE("rows with `at` and rows with `except` part a set of any format in two") {
  const TemporaryFolder folder;
  std::string csv = "a,b,y\n", libsvm;
  for (int i = 0; i < 23; ++i) {
    csv += std::to_string(i) + "," + std::to_string(i * i) + "," + std::to_string(i % 7) + "\n";
    libsvm += std::to_string(i % 7) + " 1:" + std::to_string(i) + "\n";
  }
  const std::string images = folder.Write("i", Idx({23, 2, 2}, RandomBytes(1, 92)));
  const std::string labels = folder.Write("l", Idx({23}, RandomBytes(2, 23)));
  for (DatasetSpec spec : {CsvSpec(folder.Write("t.csv", csv), "y"),
                           LibsvmSpec(folder.Write("t.svm", libsvm), 2), IdxSpec(images, labels)}) {
    const auto all = MustOpen(spec);
    const Values whole = ReadAll(*all);
    spec.rows = {5, 4, false};
    const Values at = ReadAll(*MustOpen(spec, folder.Path("cache")));
    spec.rows.except = true;
    const Values rest = ReadAll(*MustOpen(spec, folder.Path("cache")));
    REQUIRE(at.labels.size() == 4);
    REQUIRE(rest.labels.size() == 19);
    const size_t size = static_cast<size_t>(all->features());
    size_t in_at = 0, in_rest = 0;
    for (size_t i = 0; i < 23; ++i) {
      const bool picked = i % 5 == 4;
      const Values& part = picked ? at : rest;
      const size_t row = picked ? in_at++ : in_rest++;
      CHECK(part.labels[row] == whole.labels[i]);
      CHECK(std::equal(whole.features.begin() + static_cast<int64_t>(i * size),
                       whole.features.begin() + static_cast<int64_t>((i + 1) * size),
                       part.features.begin() + static_cast<int64_t>(row * size)));
    }
  }
}

TEST_CASE("rows that take no sample are refused") {
  const TemporaryFolder folder;
  DatasetSpec spec = LibsvmSpec(folder.Write("t.svm", "1 1:1\n0 1:2\n"), 1);
  spec.rows = {5, 4, false};
  CHECK_THAT(ErrorOf(spec), Contains("none of 2 samples is taken"));
  spec = CsvSpec(folder.Write("t.csv", "a,y\n1,2\n"), "y");
  spec.rows = {5, 4, false};
  CHECK_THAT(ErrorOf(spec), Contains("expected rows"));
}

}  // namespace
}  // namespace paracord
