#include "worker/tensor/cpu_device.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector

void FreeFloats(void*, float* data) { std::free(data); }

}  // namespace

absl::StatusOr<Buffer> CpuDevice::Allocate(int64_t floats) {
  constexpr int64_t kMostFloats = int64_t{1} << 60;
  void* data = nullptr;
  if (floats >= 0 && floats < kMostFloats) {
    const int64_t bytes = floats * static_cast<int64_t>(sizeof(float));
    const int64_t lines = std::max<int64_t>(1, (bytes + kAlignment - 1) / kAlignment);
    data = std::aligned_alloc(kAlignment, static_cast<size_t>(lines * kAlignment));
  }
  if (data == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this host has no memory for ", floats, " floats"));
  }
  return Buffer(static_cast<float*>(data), floats, &FreeFloats);
}

absl::Status CpuDevice::CopyIn(const float* host, int64_t floats, float* to) {
  std::copy_n(host, floats, to);
  return absl::OkStatus();
}

absl::Status CpuDevice::CopyOut(const float* from, int64_t floats, float* host) {
  std::copy_n(from, floats, host);
  return absl::OkStatus();
}

}  // namespace paracord
