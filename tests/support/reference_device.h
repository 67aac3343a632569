// A device that computes with the plain loops: what models on any other device are compared with.
#pragma once

#include <cstdint>

#include "worker/tensor/cpu_device.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {

class ReferenceDevice final : public Device {
 public:
  absl::StatusOr<Buffer> Allocate(int64_t floats) override { return cpu_.Allocate(floats); }
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override {
    return cpu_.CopyIn(host, floats, to);
  }
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override {
    return cpu_.CopyOut(from, floats, host);
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  const Ops& ops() const override { return ops_; }
  bool host_memory() const override { return true; }
  ComputeClass compute_class() const override { return cpu_.compute_class(); }

 private:
  CpuDevice cpu_;
  ReferenceOps ops_;
};

}  // namespace paracord
