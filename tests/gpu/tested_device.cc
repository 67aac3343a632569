#include "tests/gpu/tested_device.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "common/base/status.h"
#include "tests/gpu/apart_device.h"
#include "tests/gpu/mirrored_ops.h"
#include "tests/worker/tensor/tested_ops.h"

namespace paracord {
namespace {

std::unique_ptr<Device>& Opened() {
  static auto& device = *new std::unique_ptr<Device>;
  return device;
}

std::string Setting(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

}  // namespace

absl::Status OpenTestedDevice() {
  if (Setting("PARACORD_TEST_APART", "") == "1") {
    Opened() = std::make_unique<ApartDevice>(HostOrder::kShuffled);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Opened(), OpenDevice(DeviceKind::kCuda, {.index = 0, .memory_fraction = 0.5}));
  return absl::OkStatus();
}

Device& TestedDevice() { return *Opened(); }

int Repeats() { return std::max(1, std::atoi(Setting("PARACORD_TEST_REPEATS", "20").c_str())); }

// The GPU alone: what a host has is tested by test_tensor. CheckSameBitsAgain computes four times
// without twins.
std::vector<TestedOps> AllTestedOps() {
  static auto& twin = *new ApartDevice(HostOrder::kForward);
  TestedOps gpu = {"GPU", std::make_shared<MirroredOps>(TestedDevice(), twin), {}};
  for (int i = 4; i < Repeats(); ++i) gpu.twins.push_back(gpu.ops);
  return {gpu};
}

}  // namespace paracord
