#include "common/base/safetensors_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "common/base/daemon.h"
#include "tests/support/safetensors_bytes.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

absl::StatusOr<std::unique_ptr<SafetensorsFile>> OpenBytes(const std::string& bytes) {
  static TemporaryDirectory folder;
  const std::string path = folder.path() + "/x.safetensors";
  REQUIRE(WriteFileAtomically(path, bytes).ok());
  return SafetensorsFile::Open(path);
}

// Of a file with this header and so many bytes of data.
std::string Refused(const std::string& header, size_t data = 8) {
  const auto file = OpenBytes(SafetensorsBytes(header, std::string(data, 'x')));
  INFO(header);
  REQUIRE_FALSE(file.ok());
  CHECK(absl::IsInvalidArgument(file.status()));
  return std::string(file.status().message());
}

std::string Entry(const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return "{\"dtype\": \"" + dtype + "\", \"shape\": " + shape + ", \"data_offsets\": " + offsets +
         "}";
}
std::string One(const std::string& entry) { return "{\"a\": " + entry + "}"; }

std::vector<float> ReadAll(const SafetensorsFile& file, const StoredTensor& tensor) {
  std::vector<float> values(tensor.values);
  REQUIRE(file.Read(tensor, 0, values.size(), values.data()).ok());
  return values;
}

using Catch::Contains;

TEST_CASE("tensors come back in the order of their bytes, with name, shape and values") {
  const auto file = OpenBytes(SafetensorsOf({{"z", {2, 3}, FloatBytes({1, 2, 3, 4, 5, 6})},
                                             {"a", {}, FloatBytes({7})},
                                             {"none", {0, 4}, ""},
                                             {"b", {2}, FloatBytes({8, 9})}}));
  REQUIRE(file.ok());
  const auto& tensors = (*file)->tensors();
  REQUIRE(tensors.size() == 4);
  CHECK(tensors[0].name == "z");
  CHECK(tensors[0].shape == std::vector<int64_t>{2, 3});
  CHECK(ReadAll(**file, tensors[0]) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(ReadAll(**file, tensors[1]) == std::vector<float>{7});
  CHECK(tensors[3].name == "b");
  float part[2];
  REQUIRE((*file)->Read(tensors[0], 2, 2, part).ok());
  CHECK(part[0] == 3);
  CHECK(part[1] == 4);
  CHECK(absl::IsInvalidArgument((*file)->Read(tensors[0], 5, 2, part)));
}

TEST_CASE("halves and bfloat16 are read as the floats that they are") {
  const auto file = OpenBytes(SafetensorsOf(
      {{"half",
        {8},
        std::string("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x7c\x00\x80\x00\x04\xff\x03", 16),
        "F16"},
       {"brain", {3}, std::string("\x80\x3f\x00\xc0\x80\xff", 6), "BF16"},
       {"whole", {1}, std::string("\1\0\0\0", 4), "I32"}}));
  REQUIRE(file.ok());
  const auto& tensors = (*file)->tensors();
  const std::vector<float> half = ReadAll(**file, tensors[0]);
  CHECK(half[0] == 1);
  CHECK(half[1] == -2);
  CHECK(half[2] == 0x1p-24f);
  CHECK(half[3] == 65504);
  CHECK(half[4] == kInfinity);
  CHECK((half[5] == 0 && std::signbit(half[5])));
  CHECK(half[6] == 0x1p-14f);
  CHECK(half[7] == 0x3ffp-24f);
  CHECK(ReadAll(**file, tensors[1]) == std::vector<float>{1, -2, -kInfinity});
  float one;
  CHECK_FALSE(SafetensorsFile::IsReadable(tensors[2]));
  CHECK(absl::IsInvalidArgument((*file)->Read(tensors[2], 0, 1, &one)));
}

TEST_CASE("a header that lies about places is refused, and what was expected is said") {
  CHECK_THAT(Refused(One(Entry("[2]", "[0, 16]"))), Contains("a range of the 8 bytes of data"));
  CHECK_THAT(Refused(One(Entry("[2]", "[8, 0]"))), Contains("found data_offsets [8, 0]"));
  CHECK_THAT(Refused(One(Entry("[3]", "[0, 8]"))),
             Contains("found 8 bytes for F32 '[3]'; expected 12"));
  CHECK_THAT(Refused(One(Entry("[4294967296, 4294967296]", "[0, 8]"))),
             Contains("more than there can be"));
  CHECK_THAT(Refused(One(Entry("[4611686018427387906]", "[0, 8]"))),
             Contains("more than there can be"));
  CHECK_THAT(Refused(One(Entry("[18446744073709551615]", "[0, 8]"))), Contains("below 2^63"));
  CHECK_THAT(Refused(One(Entry("[-1]", "[0, 8]"))), Contains("below 2^63"));
  CHECK_THAT(Refused(One(Entry("[2.0]", "[0, 8]"))), Contains("below 2^63"));
  CHECK_THAT(Refused(One(Entry("[2]", "[0, 1e30]"))), Contains("two whole numbers"));
  CHECK_THAT(Refused(One(Entry("[2]", "[0]"))), Contains("two whole numbers"));
  CHECK_THAT(Refused(One(Entry("[1]", "[0, 4]"))), Contains("found 8 bytes of data; expected 4"));
  const std::string first = Entry("[2]", "[0, 8]");
  CHECK_THAT(Refused("{\"a\": " + first + ", \"b\": " + Entry("[2]", "[4, 12]") + "}", 12),
             Contains("they overlap"));
  CHECK_THAT(Refused("{\"a\": " + first + ", \"b\": " + first + "}"), Contains("they overlap"));
  CHECK_THAT(Refused("{\"a\": " + first + ", \"b\": " + Entry("[1]", "[12, 16]") + "}", 16),
             Contains("they leave a gap"));
}

TEST_CASE("a header that is no description of tensors is refused") {
  CHECK_THAT(Refused("[1, 2]"), Contains("no object"));
  CHECK_THAT(Refused("{\"a\": "), Contains("no JSON"));
  CHECK_THAT(Refused(""), Contains("no JSON"));
  CHECK_THAT(Refused("{\"\xff\": 1}"), Contains("no JSON"));
  CHECK_THAT(Refused(One("3")), Contains("expected dtype, shape and data_offsets"));
  CHECK_THAT(Refused(One("{\"dtype\": \"F32\"}")), Contains("expected dtype, shape and"));
  CHECK_THAT(Refused(One(Entry("[2]", "[0, 8]", "F33"))), Contains("found dtype 'F33'; expected"));
  const std::string entry = Entry("[2]", "[0, 8]");
  CHECK_THAT(Refused("{\"a\": " + entry + ", \"a\": " + entry + "}"), Contains("'a' twice"));
  CHECK_THAT(Refused(One("{\"dtype\": \"F32\", \"dtype\": \"F32\", \"shape\": [2]}")),
             Contains("'dtype' twice"));
  CHECK_THAT(Refused("{\"__metadata__\": {\"a\": 1}, \"a\": " + entry + "}"),
             Contains("no map of texts"));
  CHECK_THAT(Refused(One(Entry("[[[[2]]]]", "[0, 8]"))), Contains("nested too deep"));
  CHECK_THAT(Refused(std::string(1000000, '[')), Contains("nested too deep"));
}

TEST_CASE("a file that is torn, or whose header is longer than it, is refused") {
  CHECK_THAT(std::string(OpenBytes("1234567").status().message()), Contains("found 7 bytes"));
  std::string bytes = SafetensorsOf({{"a", {2}, FloatBytes({1, 2})}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    INFO(size);
    CHECK(absl::IsInvalidArgument(OpenBytes(bytes.substr(0, size)).status()));
  }
  for (const uint64_t length :
       {uint64_t{1000}, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    std::memcpy(bytes.data(), &length, sizeof(length));
    CHECK_THAT(std::string(OpenBytes(bytes).status().message()), Contains("found a header of"));
  }
  CHECK(absl::IsNotFound(SafetensorsFile::Open("/nowhere/x.safetensors").status()));
  CHECK(absl::IsInvalidArgument(SafetensorsFile::Open("/tmp").status()));
}

TEST_CASE("whatever bytes a file has, it is read to the last value or refused") {
  const std::string good = SafetensorsOf(
      {{"a", {2, 2}, FloatBytes({1, 2, 3, 4})}, {"b", {3}, std::string(6, '\x3c'), "BF16"}});
  const unsigned seed = 20261127;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int change = static_cast<int>(random() % 4); change >= 0; --change) {
      const size_t at = random() % bytes.size();
      if (random() % 3 == 0) bytes[at] = static_cast<char>(random());
      if (random() % 3 == 0) bytes[at] = "0123456789[]{},:\""[random() % 17];
      if (random() % 8 == 0) bytes.erase(at, random() % 9 + 1);
    }
    const auto file = OpenBytes(bytes);
    if (!file.ok()) continue;
    for (const StoredTensor& tensor : (*file)->tensors()) {
      if (SafetensorsFile::IsReadable(tensor)) ReadAll(**file, tensor);
    }
  }
}

}  // namespace
}  // namespace paracord
