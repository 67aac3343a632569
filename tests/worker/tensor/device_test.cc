#include "worker/tensor/device.h"

#include <algorithm>
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

TEST_CASE("copies beside operations on the host are done when they are begun") {
  absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(DeviceKind::kCpu);
  REQUIRE(device.ok());
  const Buffer host = (*device)->AllocateHost(3).value(), there = (*device)->Allocate(3).value();
  const std::vector<float> values = {1, 2, 3};
  std::copy(values.begin(), values.end(), host.data());
  const absl::StatusOr<CopyTicket> up = (*device)->BeginCopyIn(host.data(), 3, there.data());
  REQUIRE(up.ok());
  CHECK((*device)->Await(*up).ok());
  (*device)->ops().Scale(3, 2.0f, there.data());
  const absl::StatusOr<CopyTicket> down = (*device)->BeginCopyOut(there.data(), 3, host.data());
  REQUIRE(down.ok());
  CHECK((*device)->Await(*down).ok());
  CHECK(std::vector<float>(host.data(), host.data() + 3) == std::vector<float>{2, 4, 6});
}

TEST_CASE("a compute class names device, instruction set and library") {
  const ComputeClass found = CpuComputeClass();
  CHECK(found.device == "cpu");
  CHECK(found.isa != "UNKNOWN");
  CHECK(found.library.rfind("oneDNN ", 0) == 0);
  CHECK(found == CpuComputeClass());
}

}  // namespace paracord
