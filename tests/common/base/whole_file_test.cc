#include "common/base/whole_file.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/base/daemon.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

TEST_CASE("a file has its name when it is whole, with what was replaced in it") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/x";
  WholeFile file(path);
  REQUIRE(file.Open().ok());
  REQUIRE(file.Append("one two").ok());
  REQUIRE(file.Replace(0, "ONE").ok());
  REQUIRE(file.Append(" three").ok());
  CHECK(file.size() == 13);
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(file.Commit().ok());
  CHECK(*ReadFile(path) == "ONE two three");
}

TEST_CASE("a file that is given up leaves what was there") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/x";
  REQUIRE(WriteFileAtomically(path, "old").ok());
  {
    WholeFile file(path);
    REQUIRE(file.Open().ok());
    REQUIRE(file.Append("new").ok());
  }
  CHECK(*ReadFile(path) == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a folder is not replaced by a file") {
  TemporaryDirectory folder;
  WholeFile file(folder.path());
  CHECK(absl::IsInvalidArgument(file.Open()));
}

}  // namespace
}  // namespace paracord
