#include <filesystem>

#include "tests/worker/data/image_files.h"

namespace paracord {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

struct ImageFiles {
  TemporaryFolder folder;
  DatasetSpec spec;

  ImageFiles() {
    spec.format = DatasetSpec::Format::kImages;
    spec.path = folder.Path("images");
    spec.height = 4;
    spec.width = 6;
    spec.channels = 3;
    for (const char* name : {"images/dog", "images/cat"}) fs::create_directories(folder.Path(name));
    folder.Write("images/README.txt", "beside the classes");
    folder.Write("images/dog/.hidden", "no image");
    folder.Write("images/dog/b.jpg", Jpeg(4, 6, JCS_RGB, 3, SmoothRows(4, 6, 3)));
    folder.Write("images/dog/a.png", Png(4, 6, PNG_COLOR_TYPE_RGB, 8, RandomBytes(1, 72)));
    folder.Write("images/cat/z", Png(4, 6, PNG_COLOR_TYPE_GRAY, 8, RandomBytes(2, 24)));
  }
};

TEST_CASE("a folder of images has a class a folder, in the order of their names") {
  const ImageFiles files;
  const auto data = MustOpen(files.spec);
  CHECK(data->samples() == 3);
  CHECK(data->sample_shape() == Shape{3, 4, 6});
  const Values values = ReadAll(*data);
  CHECK(values.labels == std::vector<float>{0, 1, 1});
  const std::string grey = RandomBytes(2, 24), rgb = RandomBytes(1, 72);
  for (size_t p = 0; p < 24; ++p) {
    for (size_t c = 0; c < 3; ++c) {
      CHECK(values.features[c * 24 + p] == static_cast<uint8_t>(grey[p]));
      CHECK(values.features[72 + c * 24 + p] == static_cast<uint8_t>(rgb[p * 3 + c]));
    }
  }
}

TEST_CASE("images of any size come out in the wanted one, in grey if wanted") {
  ImageFiles files;
  files.spec.channels = 1;
  files.spec.height = files.spec.width = 9;
  files.folder.Write("images/cat/large.jpg", Jpeg(70, 50, JCS_RGB, 3, SmoothRows(70, 50, 3)));
  const auto data = MustOpen(files.spec);
  CHECK(data->sample_shape() == Shape{1, 9, 9});
  CHECK(data->samples() == 4);
}

TEST_CASE("a broken image is refused with its path") {
  const ImageFiles files;
  const std::string good = Png(4, 6, PNG_COLOR_TYPE_GRAY, 8, RandomBytes(2, 24));
  files.folder.Write("images/cat/broken.png", good.substr(0, 50));
  CHECK_THAT(ErrorOf(files.spec), Contains("images/cat/broken.png: damaged PNG image: torn"));
  files.folder.Write("images/cat/broken.png", "hello");
  CHECK_THAT(ErrorOf(files.spec), Contains("broken.png: found 'hello'; expected a PNG or JPEG"));
  files.folder.Write("images/cat/broken.png", "");
  CHECK_THAT(ErrorOf(files.spec), Contains("broken.png: the file is empty"));
}

TEST_CASE("a folder without classes or images, or with folders in a class, is refused") {
  ImageFiles files;
  fs::create_directories(files.folder.Path("images/cat/more"));
  CHECK_THAT(ErrorOf(files.spec), Contains("images/cat/more: not a regular file"));
  files.spec.path = files.folder.Path("empty");
  CHECK_THAT(ErrorOf(files.spec), Contains("empty: cannot be read as a folder"));
  fs::create_directories(files.folder.Path("empty/class"));
  CHECK_THAT(ErrorOf(files.spec), Contains("found 1 folders and no image"));
  files.spec.path = files.folder.Write("file", "x");
  CHECK_THAT(ErrorOf(files.spec), Contains("cannot be read as a folder"));
}

TEST_CASE("images stay bytes in their cache file, which is made anew when any image changes") {
  const ImageFiles files;
  const std::string cache = files.folder.Path("cache");
  const auto decoded = MustOpen(files.spec);
  for (int turn = 0; turn < 2; ++turn) {
    const auto cached = MustOpen(files.spec, cache);
    CHECK(ReadAll(*cached) == ReadAll(*decoded));
    REQUIRE(cached->files().size() == 1);
    CHECK(cached->files()[0].sha256 == decoded->files()[0].sha256);
    CHECK(cached->files()[0].path == files.spec.path);
  }
  CHECK(fs::file_size(cache + "/" + files.folder.List("cache")[0]) < 1000);
  files.folder.Write("images/cat/y", Png(4, 6, PNG_COLOR_TYPE_GRAY, 8, RandomBytes(5, 24)));
  const auto more = MustOpen(files.spec, cache);
  CHECK(more->samples() == 4);
  CHECK(more->files()[0].sha256 != decoded->files()[0].sha256);
  fs::remove(files.folder.Path("images/cat/y"));
  CHECK(MustOpen(files.spec, cache)->samples() == 3);
  fs::rename(files.folder.Path("images/cat"), files.folder.Path("images/eel"));
  CHECK(ReadAll(*MustOpen(files.spec, cache)).labels == std::vector<float>{0, 0, 1});
}

}  // namespace
}  // namespace paracord
