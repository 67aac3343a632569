#include "common/base/sha256.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

namespace paracord {
namespace {

std::string HashOf(const std::string& text) {
  Sha256 hash;
  hash.Add(text.data(), text.size());
  return hash.Hex();
}

TEST_CASE("sha256 gives the known answers of FIPS 180") {
  CHECK(HashOf("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(HashOf("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(HashOf(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 does not depend on how the bytes are cut into pieces") {
  const std::string text =
      "The quick brown fox jumps over the lazy dog, and over block boundaries: " +
      std::string(200, 'x');
  for (size_t piece = 1; piece <= 130; ++piece) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece) {
      hash.Add(text.data() + at, std::min(piece, text.size() - at));
    }
    CHECK(hash.Hex() == HashOf(text));
  }
}

TEST_CASE("the hash of a file is that of its bytes, and a missing file is NotFound by name") {
  const auto path =
      std::filesystem::temp_directory_path() / ("paracord_sha256_test_" + std::to_string(getpid()));
  const std::string bytes((1 << 20) + 17, 'b');  // more than one read
  std::ofstream(path, std::ios::binary) << bytes;
  const auto hash = Sha256OfFile(path);
  std::filesystem::remove(path);
  REQUIRE(hash.ok());
  CHECK(*hash == HashOf(bytes));

  const auto missing = Sha256OfFile(path);
  CHECK(missing.status().code() == absl::StatusCode::kNotFound);
  CHECK_THAT(std::string(missing.status().message()), Catch::Contains(path.string()));
}

}  // namespace
}  // namespace paracord
