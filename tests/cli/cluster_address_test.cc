#include "scheduler/cli/cluster_address.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

TEST_CASE("--scheduler wins over the environment, and that over the cluster started last") {
  TemporaryDirectory folder;
  const std::string pointer = folder.path() + "/state/paracord";
  REQUIRE(WritePointer(pointer, {"/some/where", "127.0.0.1:3"}).ok());
  CHECK(ResolveCluster("127.0.0.1:1", "127.0.0.1:2", pointer)->address == "127.0.0.1:1");
  CHECK(ResolveCluster("", "127.0.0.1:2", pointer)->address == "127.0.0.1:2");
  const auto last = ResolveCluster("", "", pointer);
  REQUIRE(last.ok());
  CHECK(last->address == "127.0.0.1:3");
  CHECK(last->source.find("/some/where") != std::string::npos);
}

TEST_CASE("with no cluster named anywhere the message says what was tried and what to do") {
  const auto none = ResolveCluster("", "", "/nowhere/paracord");
  REQUIRE(absl::IsUnavailable(none.status()));
  const std::string message(none.status().message());
  for (const char* piece :
       {"--scheduler", "$PARACORD_SCHEDULER", "/nowhere/paracord", "paracord up"}) {
    CHECK(message.find(piece) != std::string::npos);
  }
}

TEST_CASE("an address without a port is refused, and its origin named") {
  const auto bad = ResolveCluster("", "localhost", "");
  REQUIRE(absl::IsInvalidArgument(bad.status()));
  CHECK(std::string(bad.status().message()).find("$PARACORD_SCHEDULER") != std::string::npos);
}

TEST_CASE("a pointer is removed only if it points to the cluster that was stopped") {
  TemporaryDirectory folder;
  const std::string pointer = folder.path() + "/paracord";
  REQUIRE(WritePointer(pointer, {"/a", "127.0.0.1:3"}).ok());
  RemovePointer(pointer, "/b");
  CHECK(ReadPointer(pointer)->directory == "/a");
  RemovePointer(pointer, "/a");
  CHECK_FALSE(ReadPointer(pointer).has_value());
}

TEST_CASE("a pointer file with anything else in it is as good as none") {
  TemporaryDirectory folder;
  const std::string pointer = folder.path() + "/paracord";
  for (const char* text : {"", "{", "[1]", "\xff\xfe"}) {
    std::ofstream(pointer) << text;
    CHECK_FALSE(ReadPointer(pointer).has_value());
  }
}

}  // namespace
}  // namespace paracord
