// A GPU as a device: its part of the card's memory, taken at once; operations on one stream, copies
// on another.
#pragma once

#include <cstdint>
#include <memory>

#include "worker/tensor/cuda/cublas_product.h"
#include "worker/tensor/cuda/gpu_queue.h"
#include "worker/tensor/cuda/staging.h"
#include "worker/tensor/device.h"

namespace paracord {

class CudaDevice final : public Device {
 public:
  // See OpenCudaDevice for errors.
  static absl::StatusOr<std::unique_ptr<Device>> Open(const GpuShare& gpu);

  absl::StatusOr<Buffer> Allocate(int64_t floats) override;
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override;
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override;
  absl::Status Finish() override { return queue_->Finish(); }

  absl::StatusOr<Buffer> AllocateHost(int64_t floats) override;
  absl::StatusOr<CopyTicket> BeginCopyIn(const float* host, int64_t floats, float* to) override;
  absl::StatusOr<CopyTicket> BeginCopyOut(const float* from, int64_t floats, float* host) override;
  absl::Status Await(CopyTicket ticket) override { return staging_->Await(ticket); }

  const Ops& ops() const override { return *ops_; }
  bool host_memory() const override { return false; }
  ComputeClass compute_class() const override;

 private:
  CudaDevice() = default;
  absl::Status Ready();

  // In the order in which they are made; the queue goes last.
  std::unique_ptr<GpuQueue> queue_;
  std::unique_ptr<Staging> staging_;
  std::unique_ptr<CublasProduct> product_;
  std::unique_ptr<Ops> ops_;
};

}  // namespace paracord
