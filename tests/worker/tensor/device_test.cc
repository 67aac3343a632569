#include "worker/tensor/device.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <vector>

namespace paracord {

TEST_CASE("the CPU opens, its memory lies on cache lines and holds what is copied in") {
  absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(DeviceKind::kCpu);
  REQUIRE(device.ok());
  const std::vector<float> host = {1, 2, 3, 4, 5};
  for (int64_t floats : {0, 5, 16, 1001}) {
    absl::StatusOr<Buffer> buffer = (*device)->Allocate(floats);
    REQUIRE(buffer.ok());
    CHECK(reinterpret_cast<uintptr_t>(buffer->data()) % 64 == 0);
    CHECK(buffer->size() == floats);
    if (floats < 5) continue;
    std::vector<float> back(5);
    REQUIRE((*device)->CopyIn(host.data(), 5, buffer->data()).ok());
    REQUIRE((*device)->CopyOut(buffer->data(), 5, back.data()).ok());
    CHECK(back == host);
  }
}

TEST_CASE("memory that no host has is refused with the sum, not a crash") {
  absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(DeviceKind::kCpu);
  REQUIRE(device.ok());
  for (int64_t floats : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = (*device)->Allocate(floats).status();
    CHECK(status.code() == absl::StatusCode::kResourceExhausted);
    CHECK(std::string(status.message()).find(std::to_string(floats)) != std::string::npos);
  }
}

TEST_CASE(
    "cuda in a program without it is refused with what was looked for; auto falls to the CPU") {
  const absl::Status cuda = OpenDevice(DeviceKind::kCuda).status();
  CHECK(cuda.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(cuda.message()).find("/libparacord_cuda.so") != std::string::npos);
  absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(DeviceKind::kAuto);
  REQUIRE(device.ok());
  CHECK((*device)->host_memory());
}

TEST_CASE("a compute class names device, instruction set and library") {
  const ComputeClass found = CpuComputeClass();
  CHECK(found.device == "cpu");
  CHECK(found.isa != "UNKNOWN");
  CHECK(found.library.rfind("oneDNN ", 0) == 0);
  CHECK(found == CpuComputeClass());
}

}  // namespace paracord
