#include "scheduler/cli/safetensors.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "common/base/daemon.h"
#include "nlohmann/json.hpp"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

WeightsVersion TwoTensors() {
  TensorSpec bias, weight;
  bias.name = "0.bias";
  bias.shape = {2};
  weight.name = "0.weight";
  weight.shape = {2, 3};
  return {"j-1", 7, {bias, weight}};
}

nlohmann::json HeaderOf(const std::string& file, size_t* data) {
  uint64_t size = 0;
  REQUIRE(file.size() >= sizeof(size));
  std::memcpy(&size, file.data(), sizeof(size));
  REQUIRE(file.size() >= sizeof(size) + size);
  *data = sizeof(size) + size;
  return nlohmann::json::parse(file.substr(sizeof(size), size));
}

TEST_CASE("the header says where each tensor lies, and its length is a multiple of eight") {
  size_t data = 0;
  const auto json = HeaderOf(SafetensorsHeader(TwoTensors(), "abc"), &data);
  CHECK(data % 8 == 0);
  CHECK(json == nlohmann::json::parse(R"({
    "__metadata__": {"format": "pt", "job": "j-1", "step": "7", "digest": "abc"},
    "0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "0.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]}})"));
}

TEST_CASE("a written file holds the header, the floats in order, and the digest of both") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/weights.safetensors";
  const WeightsVersion version = TwoTensors();
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6, 7, 8};
  WeightsDigest expected;
  SafetensorsWriter writer(path);
  REQUIRE(writer.Begin(version).ok());
  for (WeightsSink* sink : std::initializer_list<WeightsSink*>{&writer, &expected}) {
    REQUIRE(sink->BeginTensor(version.tensors[0]).ok());
    REQUIRE(sink->Add(Payload(floats.data(), 2, nullptr)).ok());
    REQUIRE(sink->BeginTensor(version.tensors[1]).ok());
    REQUIRE(sink->Add(Payload(floats.data() + 2, 5, nullptr)).ok());
    REQUIRE(sink->Add(Payload(floats.data() + 7, 1, nullptr)).ok());
  }
  CHECK_FALSE(std::filesystem::exists(path));
  const auto digest = writer.Commit();
  REQUIRE(digest.ok());
  CHECK(*digest == expected.Hex());
  const std::string file = *ReadFile(path);
  size_t data = 0;
  CHECK(HeaderOf(file, &data)["__metadata__"]["digest"] == *digest);
  REQUIRE(file.size() == data + 32);
  CHECK(std::memcmp(file.data() + data, floats.data(), 32) == 0);
}

TEST_CASE("an export that is given up leaves nothing behind") {
  TemporaryDirectory folder;
  {
    SafetensorsWriter writer(folder.path() + "/weights.safetensors");
    REQUIRE(writer.Begin(TwoTensors()).ok());
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("an export into a folder that is not there says so") {
  SafetensorsWriter writer("/nowhere/at/all/weights.safetensors");
  const absl::Status status = writer.Begin(TwoTensors());
  CHECK_FALSE(status.ok());
  CHECK(std::string(status.message()).find("/nowhere/at/all") != std::string::npos);
}

}  // namespace
}  // namespace paracord
