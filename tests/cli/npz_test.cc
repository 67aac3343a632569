#include "scheduler/cli/npz.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "common/base/daemon.h"
#include "common/base/npy_header.h"
#include "scheduler/cli/safetensors.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

template <class Word>
Word At(const std::string& bytes, size_t at) {
  Word word = 0;
  REQUIRE(at + sizeof(word) <= bytes.size());
  std::memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

WeightsVersion TwoTensors() {
  TensorSpec bias, weight;
  bias.name = "0.bias";
  bias.shape = {2};
  weight.name = "0.weight";
  weight.shape = {2, 3};
  return {"j-1", 7, {bias, weight}};
}

// The digest.
std::string Write(const std::string& path, const std::vector<float>& floats) {
  const WeightsVersion version = TwoTensors();
  NpzWriter writer(path);
  REQUIRE(writer.Begin(version).ok());
  REQUIRE(writer.BeginTensor(version.tensors[0]).ok());
  REQUIRE(writer.Add(Payload(floats.data(), 2, nullptr)).ok());
  REQUIRE(writer.BeginTensor(version.tensors[1]).ok());
  REQUIRE(writer.Add(Payload(floats.data() + 2, 5, nullptr)).ok());
  REQUIRE(writer.Add(Payload(floats.data() + 7, 1, nullptr)).ok());
  return writer.Commit().value();
}

// tests/cluster/in_and_out has numpy read one.
TEST_CASE("an archive's records lead from its end to each array, whole and with its sum") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/w.npz";
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6, 7, 8};
  Write(path, floats);
  const std::string file = *ReadFile(path);
  const size_t end = file.size() - 22, locator = end - 20;
  CHECK(At<uint32_t>(file, end) == 0x06054b50);
  CHECK(At<uint16_t>(file, end + 10) == 2);
  CHECK(At<uint32_t>(file, locator) == 0x07064b50);
  const uint64_t record = At<uint64_t>(file, locator + 8);
  CHECK(At<uint32_t>(file, record) == 0x06064b50);
  CHECK(At<uint64_t>(file, record + 32) == 2);
  uint64_t central = At<uint64_t>(file, record + 48);
  CHECK(central + At<uint64_t>(file, record + 40) == record);
  const std::vector<std::string> names = {"0.bias.npy", "0.weight.npy"};
  const std::vector<std::string> values = {
      NpyFloatHeader({2}) + std::string(reinterpret_cast<const char*>(&floats[0]), 8),
      NpyFloatHeader({2, 3}) + std::string(reinterpret_cast<const char*>(&floats[2]), 24)};
  for (size_t i = 0; i < 2; ++i) {
    CHECK(At<uint32_t>(file, central) == 0x02014b50);
    const size_t name = At<uint16_t>(file, central + 28);
    CHECK(file.substr(central + 46, name) == names[i]);
    const size_t extra = central + 46 + name;
    const uint64_t size = At<uint64_t>(file, extra + 4), local = At<uint64_t>(file, extra + 20);
    CHECK(At<uint32_t>(file, local) == 0x04034b50);
    CHECK(At<uint64_t>(file, local + 30 + name + 4) == size);
    CHECK(At<uint32_t>(file, local + 14) == At<uint32_t>(file, central + 16));
    const std::string member = file.substr(local + 30 + name + 20, size);
    CHECK(member == values[i]);
    CHECK(crc32_z(0, reinterpret_cast<const unsigned char*>(member.data()), member.size()) ==
          At<uint32_t>(file, central + 16));
    central = extra + 28;
  }
  CHECK(central == record);
}

TEST_CASE("both formats have one digest, and the ending chooses between them") {
  TemporaryDirectory folder;
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6, 7, 8};
  WeightsDigest digest;
  for (const TensorSpec& tensor : TwoTensors().tensors) {
    REQUIRE(digest.BeginTensor(tensor).ok());
    const size_t at = tensor.shape.size() == 1 ? 0 : 2;
    REQUIRE(digest.Add(Payload(&floats[at], static_cast<size_t>(tensor.size()), nullptr)).ok());
  }
  CHECK(Write(folder.path() + "/w.npz", floats) == digest.Hex());
  const auto is_npz = [](const char* path, const char* format) {
    return dynamic_cast<NpzWriter*>(OpenWeightsFile(path, format).get()) != nullptr;
  };
  CHECK(is_npz("/nowhere/w.npz", ""));
  CHECK(is_npz("/nowhere/w.bin", "npz"));
  CHECK_FALSE(is_npz("/nowhere/w.npz", "safetensors"));
  CHECK_FALSE(is_npz("/nowhere/w.bin", ""));
}

}  // namespace
}  // namespace paracord
