#include <filesystem>

#include "tests/worker/data/image_files.h"
#include "worker/data/image_folder.h"

// Samples to predict (`labelled` is false): the features are those of a set with labels.
namespace paracord {
namespace {

Values WithoutLabels(DatasetSpec spec) {
  spec.labelled = false;
  return ReadAll(*MustOpen(spec));
}

TEST_CASE("images of an IDX file are read without the file of labels") {
  const TemporaryFolder folder;
  const std::string images = folder.Write("i", Idx({3, 2, 2}, RandomBytes(1, 12)));
  const std::string labels = folder.Write("l", Idx({3}, std::string("\1\2\3", 3)));
  const Values values = WithoutLabels(IdxSpec(images, "/nowhere"));
  CHECK(values.features == ReadAll(*MustOpen(IdxSpec(images, labels))).features);
  CHECK(values.labels == std::vector<float>(3, 0.0f));
  CHECK_FALSE(ErrorOf(IdxSpec(images, "/nowhere")).empty());
}

TEST_CASE("a table is read without the column of labels, and one with it is not asked for them") {
  const TemporaryFolder folder;
  const std::string with = folder.Write("with.csv", "a,y,b\n1,,2\n3,what,4\n");
  const std::string without = folder.Write("without.csv", "a,b\n1,2\n3,4\n");
  const std::vector<float> expected = {1, 2, 3, 4};
  CHECK(WithoutLabels(CsvSpec(with, "y")).features == expected);
  CHECK(WithoutLabels(CsvSpec(without, "y")).features == expected);
  CHECK_FALSE(ErrorOf(CsvSpec(without, "y")).empty());
}

TEST_CASE("images lie in folders or beside one another") {
  const TemporaryFolder folder;
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kImages;
  spec.height = 4;
  spec.width = 6;
  spec.channels = 3;
  for (const char* name : {"flat", "deep/x"})
    std::filesystem::create_directories(folder.Path(name));
  for (const char* name : {"flat/b", "deep/x/b"}) {
    folder.Write(name, Png(4, 6, PNG_COLOR_TYPE_RGB, 8, RandomBytes(1, 72)));
  }
  for (const char* name : {"flat/a", "deep/x/a"}) {
    folder.Write(name, Png(4, 6, PNG_COLOR_TYPE_RGB, 8, RandomBytes(2, 72)));
  }
  spec.path = folder.Path("deep");
  const Values deep = WithoutLabels(spec);
  spec.path = folder.Path("flat");
  CHECK(WithoutLabels(spec) == deep);
  CHECK_FALSE(ErrorOf(spec).empty());
  const auto flat_names = ListImageFolder(folder.Path("flat"), false);
  REQUIRE(flat_names.ok());
  CHECK(flat_names->images[0].name == "a");
  CHECK(ListImageFolder(folder.Path("deep"), false)->images[1].name == "x/b");
}

}  // namespace
}  // namespace paracord
