// The host's cores and memory as a device. Operations run on the thread that calls them, so there
// is never one to wait for.
#pragma once

#include <cstdint>

#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/device.h"

namespace paracord {

class CpuDevice final : public Device {
 public:
  absl::StatusOr<Buffer> Allocate(int64_t floats) override;
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override;
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override;
  absl::Status Finish() override { return absl::OkStatus(); }
  const Ops& ops() const override { return ops_; }
  bool host_memory() const override { return true; }
  ComputeClass compute_class() const override { return CpuComputeClass(); }

 private:
  CpuOps ops_;
};

}  // namespace paracord
