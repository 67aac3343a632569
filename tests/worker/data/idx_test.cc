#include <filesystem>

#include "common/base/sha256.h"
#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

// Three images of 2 x 2 with labels 7, 0, 255.
const std::string kPixels("\x00\x01\x02\x03\x7f\x80\xff\x10\x20\x30\x40\x50", 12);
const std::string kLabels("\x07\x00\xff", 3);

struct IdxFiles {
  TemporaryFolder folder;
  DatasetSpec With(const std::string& images, const std::string& labels) const {
    return IdxSpec(folder.Write("images", images), folder.Write("labels", labels));
  }
  std::string ImagesError(const std::string& images) const {
    return ErrorOf(With(images, Idx({3}, kLabels)));
  }
};

TEST_CASE("idx images and labels are read as the file says") {
  const IdxFiles files;
  const auto data = MustOpen(files.With(Idx({3, 2, 2}, kPixels), Idx({3}, kLabels)));
  CHECK(data->samples() == 3);
  CHECK(data->sample_shape() == Shape{2, 2});
  CHECK(data->features() == 4);
  CHECK(data->label_floats() == 1);
  CHECK(data->min_label() == 0);
  CHECK(data->max_label() == 255);
  CHECK(data->integer_labels());
  const Values values = ReadAll(*data);
  CHECK(values.features == std::vector<float>{0, 1, 2, 3, 127, 128, 255, 16, 32, 48, 64, 80});
  CHECK(values.labels == std::vector<float>{7, 0, 255});
}

TEST_CASE("a read takes samples in any order, repeats them, and scales features only") {
  const IdxFiles files;
  const auto data = MustOpen(files.With(Idx({3, 2, 2}, kPixels), Idx({3}, kLabels)));
  std::vector<float> features(12), labels(3);
  data->Read({2, 0, 2}, 0.5f, features.data(), labels.data());
  CHECK(features == std::vector<float>{16, 24, 32, 40, 0, 0.5, 1, 1.5, 16, 24, 32, 40});
  CHECK(labels == std::vector<float>{255, 7, 255});
}

TEST_CASE("idx images of rank 1 and 2 have samples of rank 1") {
  const IdxFiles files;
  const std::string labels = Idx({3}, kLabels);
  CHECK(MustOpen(files.With(Idx({3, 4}, kPixels), labels))->sample_shape() == Shape{4});
  CHECK(MustOpen(files.With(Idx({3}, "abc"), labels))->sample_shape() == Shape{1});
}

TEST_CASE("gzip and plain idx files give the same values whatever their names are") {
  const IdxFiles files;
  const std::string pixels = RandomBytes(5, 3 * 700 * 900), images = Idx({3, 700, 900}, pixels);
  const std::string labels = Idx({3}, kLabels);
  const Values plain = ReadAll(*MustOpen(files.With(images, labels)));
  CHECK(plain == ReadAll(*MustOpen(files.With(Gzip(images), Gzip(labels)))));
  const std::string two_members = Gzip(images.substr(0, 1000)) + Gzip(images.substr(1000));
  CHECK(plain == ReadAll(*MustOpen(files.With(two_members, labels))));
}

TEST_CASE("a data set tells the size and hash of its files as they are on disk") {
  const IdxFiles files;
  const std::string images = Gzip(Idx({3, 2, 2}, kPixels));
  const DatasetSpec spec = files.With(images, Idx({3}, kLabels));
  const auto data = MustOpen(spec);
  REQUIRE(data->files().size() == 2);
  CHECK(data->files()[0].path == spec.images);
  CHECK(data->files()[0].bytes == images.size());
  CHECK(data->files()[0].sha256 == Sha256OfFile(spec.images).value());
  CHECK(data->files()[1].sha256 == Sha256OfFile(spec.labels).value());
}

TEST_CASE("an idx file that is torn anywhere is refused with the byte where it ends") {
  const IdxFiles files;
  const std::string whole = Idx({3, 2, 2}, kPixels);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string error = files.ImagesError(whole.substr(0, size));
    INFO("cut to " << size << " bytes: " << error);
    CHECK_THAT(error, Contains("torn"));
    CHECK_THAT(error, Contains("images: byte "));
  }
  CHECK_THAT(files.ImagesError(whole.substr(0, 20)),
             Contains("byte 4: ") && Contains("announces 3 x 2 x 2 values") &&
                 Contains("a file of 20 bytes has room for 4"));
  CHECK_THAT(files.ImagesError(whole.substr(0, 9)), Contains("byte 9: torn"));
}

TEST_CASE("a gzip file that is torn or damaged is refused") {
  const IdxFiles files;
  const std::string whole = Gzip(Idx({3, 2, 2}, kPixels));
  for (size_t size = 2; size < whole.size(); ++size) {
    INFO("cut to " << size << " bytes");
    CHECK_THAT(files.ImagesError(whole.substr(0, size)), Contains("torn"));
  }
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  CHECK_THAT(files.ImagesError(damaged), Contains("damaged gzip stream"));
  CHECK_THAT(files.ImagesError(whole + "more"), Contains("follow the end of the gzip stream"));
  CHECK_THAT(files.ImagesError(Gzip(Idx({3, 2, 2}, kPixels.substr(1)))),
             Contains("byte 27: torn: 11 values, expected 12 (3 x 2 x 2)"));
}

TEST_CASE("bytes after the values of an idx file are refused") {
  const IdxFiles files;
  const std::string expected = "byte 28: more bytes follow; expected the end of 3 x 2 x 2 values";
  CHECK_THAT(files.ImagesError(Idx({3, 2, 2}, kPixels + "x")), Contains(expected));
  CHECK_THAT(files.ImagesError(Gzip(Idx({3, 2, 2}, kPixels + "x"))), Contains(expected));
}

TEST_CASE("an idx header that is none is refused with what was found and expected") {
  const IdxFiles files;
  CHECK_THAT(files.ImagesError("PK\x03\x04 archive"),
             Contains("byte 0: not an IDX file") && Contains("0x504b0304"));
  std::string floats = Idx({3, 2, 2}, kPixels);
  floats[2] = 0x0d;
  CHECK_THAT(files.ImagesError(floats), Contains("byte 2: IDX values of type 13; expected 8"));
  CHECK_THAT(files.ImagesError(Idx({1, 1, 1, 1}, "x")), Contains("byte 3: IDX array of rank 4"));
  CHECK_THAT(files.ImagesError(Idx({}, "")), Contains("byte 3: IDX array of rank 0"));
  CHECK_THAT(files.ImagesError(Idx({3, 0, 2}, "")), Contains("byte 8: IDX size 0"));
  CHECK_THAT(ErrorOf(files.With(Idx({3, 4}, kPixels), Idx({3, 1}, kLabels))),
             Contains("labels: byte 3: IDX array of rank 2; expected 1"));
}

TEST_CASE(
    "an idx header that announces more than any file holds costs neither memory nor a crash") {
  const IdxFiles files;
  const uint32_t most = 0xffffffff;
  CHECK_THAT(files.ImagesError(Idx({most, most, most}, kPixels)),
             Contains("announces 4294967295 x 4294967295 x 4294967295 values"));
  CHECK_THAT(files.ImagesError(Gzip(Idx({most, most, most}, kPixels))),
             Contains("compressed bytes can hold no more than"));
  CHECK_THAT(files.ImagesError(Gzip(Idx({most, 1, 1}, kPixels))), Contains("torn"));
}

TEST_CASE("as many labels as images are expected") {
  const IdxFiles files;
  CHECK_THAT(ErrorOf(files.With(Idx({3, 4}, kPixels), Idx({2}, "ab"))),
             Contains("labels: byte 4: 2 labels; expected 3, one for each image of "));
}

TEST_CASE("a path that is missing or no file is refused with its reason") {
  const TemporaryFolder folder;
  CHECK_THAT(ErrorOf(IdxSpec(folder.Path("none"), folder.Path("none"))),
             Contains("none: cannot be read: No such file"));
  CHECK_THAT(ErrorOf(IdxSpec(folder.Path(""), folder.Path(""))), Contains("not a regular file"));
}

}  // namespace
}  // namespace paracord
