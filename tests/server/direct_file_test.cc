#include "server/direct_file.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <string>

#include "common/base/daemon.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

std::string Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 31 + i / 4096);
  return bytes;
}

TEST_CASE("a file has what was appended, whatever the pieces, and its hash is that of its bytes") {
  const TemporaryDirectory disk(GENERATE(true, false) ? FastFolder()
                                                      : std::filesystem::temp_directory_path());
  const std::string path = disk.path() + "/file";
  const size_t size = GENERATE(size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, size_t{4} << 20,
                               (size_t{8} << 20) + 5);
  const size_t piece = GENERATE(size_t{700'001}, size_t{5} << 20);
  const std::string bytes = Bytes(size);
  auto file = DirectFile::Create(path).value();
  for (size_t at = 0; at < size; at += piece) {
    REQUIRE(file->Append(bytes.data() + at, std::min(piece, size - at)).ok());
  }
  REQUIRE(file->Finish().ok());
  CHECK(file->bytes() == size);
  CHECK(file->Hash() == FastHashOf(bytes));
  CHECK(ReadFile(path).value() == bytes);
}

TEST_CASE("what was in the file before is gone") {
  const TemporaryDirectory disk;
  const std::string path = disk.path() + "/file";
  REQUIRE(WriteFileAtomically(path, Bytes(100'000)).ok());
  auto file = DirectFile::Create(path).value();
  REQUIRE(file->Append("new", 3).ok());
  REQUIRE(file->Finish().ok());
  CHECK(ReadFile(path).value() == "new");
}

TEST_CASE("a folder that is not there, and a disk without room, are told") {
  CHECK(absl::IsUnavailable(DirectFile::Create("/nowhere/file").status()));
  auto full = DirectFile::Create("/dev/full");
  REQUIRE(full.ok());
  const std::string bytes = Bytes(size_t{9} << 20);
  absl::Status status = (*full)->Append(bytes.data(), bytes.size());
  if (status.ok()) status = (*full)->Finish();
  CHECK(absl::IsUnavailable(status));
  CHECK(absl::IsUnavailable((*full)->Finish()));
}

}  // namespace
}  // namespace paracord
