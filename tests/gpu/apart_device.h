// The kernels of a GPU on the host, with memory of their own: a device that stands for a GPU where
// there is none. Nothing but copies leads into its memory.
#pragma once

#include <memory>

#include "tests/support/host_ops.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {

class ApartDevice final : public Device {
 public:
  explicit ApartDevice(HostOrder order) : ops_(MakeHostOps(order)) {}

  absl::StatusOr<Buffer> Allocate(int64_t floats) override { return cpu_.Allocate(floats); }
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override {
    return cpu_.CopyIn(host, floats, to);
  }
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override {
    return cpu_.CopyOut(from, floats, host);
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  const Ops& ops() const override { return *ops_; }
  bool host_memory() const override { return false; }
  ComputeClass compute_class() const override { return cpu_.compute_class(); }

 private:
  CpuDevice cpu_;
  std::unique_ptr<Ops> ops_;
};

}  // namespace paracord
