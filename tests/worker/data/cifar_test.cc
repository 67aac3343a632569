#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

// `labels`, each followed by an image that depends on `seed` and its place.
std::string Records(uint64_t seed, const std::vector<std::string>& labels) {
  std::string bytes;
  for (size_t i = 0; i < labels.size(); ++i) bytes += labels[i] + RandomBytes(seed + i, 3072);
  return bytes;
}

TEST_CASE("cifar files in a row are one set of images, red before green before blue") {
  const TemporaryFolder folder;
  const std::string first = folder.Write("a", Records(10, {std::string(1, 3), std::string(1, 9)}));
  const std::string second = folder.Write("b.gz", Gzip(Records(20, {std::string(1, 0)})));
  const auto data = MustOpen(CifarSpec({first, second}, 10));
  CHECK(data->samples() == 3);
  CHECK(data->sample_shape() == Shape{3, 32, 32});
  CHECK(data->files().size() == 2);
  const Values values = ReadAll(*data);
  CHECK(values.labels == std::vector<float>{3, 9, 0});
  const std::string image = RandomBytes(20, 3072);
  for (size_t i = 0; i < image.size(); ++i) {
    REQUIRE(values.features[2 * 3072 + i] == static_cast<uint8_t>(image[i]));
  }
}

TEST_CASE("the fine one of the two labels of cifar-100 is the label") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a", Records(1, {{19, 99}, {0, 7}}));
  CHECK(ReadAll(*MustOpen(CifarSpec({path}, 100))).labels == std::vector<float>{99, 7});
}

TEST_CASE("a cifar file that is torn, empty or of other classes is refused with its path") {
  const TemporaryFolder folder;
  const std::string good = Records(1, {std::string(1, 3)});
  const auto error = [&](const std::string& bytes, int64_t classes) {
    return ErrorOf(CifarSpec({folder.Write("a", bytes)}, classes));
  };
  CHECK(error(good, 10).empty());
  CHECK_THAT(error("", 10), Contains("a: found 0 bytes; expected records of 3073 bytes"));
  CHECK_THAT(error(good.substr(1), 10), Contains("found 3072 bytes"));
  CHECK_THAT(error(good + "x", 10), Contains("torn"));
  CHECK_THAT(error(good, 100), Contains("expected records of 3074 bytes"));
  CHECK_THAT(error(Records(1, {std::string(1, 10)}), 10),
             Contains("record 0: found label 10; expected 0 to 9"));
  CHECK_THAT(error(Records(1, {{0, 100}}), 100), Contains("found label 100"));
  CHECK_THAT(ErrorOf(CifarSpec({folder.Path("none")}, 10)), Contains("cannot be read"));
}

}  // namespace
}  // namespace paracord
