// GPUs that nobody has: a list as the driver would give it, and a device that says it is one of
// them while it computes on the CPU. What the cluster does with GPUs is tested without any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/tensor/cpu_device.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

inline constexpr const char* kFakeIsa = "sm_90x132";
inline constexpr const char* kFakeLibrary = "CUDA 13.0 cuBLAS 13.0.2";

inline std::vector<GpuInfo> FakeGpus(int count) {
  std::vector<GpuInfo> gpus;
  for (int i = 0; i < count; ++i) {
    gpus.push_back({i, absl::StrCat("Fake ", i), uint64_t{80} << 30,
                    absl::StrCat("cuda ", kFakeIsa, " ", kFakeLibrary)});
  }
  return gpus;
}

class FakeGpu : public Device {
 public:
  absl::StatusOr<Buffer> Allocate(int64_t floats) override { return cpu_.Allocate(floats); }
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override {
    return cpu_.CopyIn(host, floats, to);
  }
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override {
    return cpu_.CopyOut(from, floats, host);
  }
  absl::Status Finish() override { return cpu_.Finish(); }
  const Ops& ops() const override { return cpu_.ops(); }
  bool host_memory() const override { return true; }
  ComputeClass compute_class() const override { return {"cuda", kFakeIsa, kFakeLibrary}; }

 private:
  CpuDevice cpu_;
};

}  // namespace paracord
