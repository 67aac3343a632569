#include "worker/tensor/cuda/cuda_device.h"

#include "common/base/status.h"
#include "worker/tensor/cuda/cuda_ops.h"
#include "worker/tensor/cuda/gpu_info.h"

namespace paracord {

absl::StatusOr<std::unique_ptr<Device>> CudaDevice::Open(const GpuShare& gpu) {
  std::unique_ptr<CudaDevice> device(new CudaDevice);
  ASSIGN_OR_RETURN(device->queue_, GpuQueue::Open(gpu));
  ASSIGN_OR_RETURN(device->staging_, Staging::Open(*device->queue_));
  ASSIGN_OR_RETURN(device->product_, CublasProduct::Open(*device->queue_));
  device->ops_ = MakeCudaOps(*device->queue_, *device->product_);
  return std::unique_ptr<Device>(std::move(device));
}

absl::Status CudaDevice::Ready() {
  if (queue_->Ready()) return absl::OkStatus();
  return queue_->TakeError();
}

// A block may have been an operation's until now, and a copy beside operations does not wait for
// it: so this does.
absl::StatusOr<Buffer> CudaDevice::Allocate(int64_t floats) {
  RETURN_IF_ERROR(Finish());
  constexpr int64_t kMostFloats = int64_t{1} << 60;
  if (floats < 0 || floats >= kMostFloats) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this GPU has no memory for ", floats, " floats"));
  }
  ASSIGN_OR_RETURN(const uint64_t address,
                   queue_->arena().Take(static_cast<uint64_t>(floats) * sizeof(float)));
  return Buffer(
      reinterpret_cast<float*>(address), floats,
      [](void* arena, float* data) {
        static_cast<Arena*>(arena)->GiveBack(reinterpret_cast<uint64_t>(data));
      },
      &queue_->arena());
}

absl::Status CudaDevice::CopyIn(const float* host, int64_t floats, float* to) {
  RETURN_IF_ERROR(Ready());
  queue_->CopiesAfterCompute();
  const absl::Status copied = staging_->CopyIn(host, floats, to);
  queue_->ComputeAfterCopies();
  return copied;
}

absl::Status CudaDevice::CopyOut(const float* from, int64_t floats, float* host) {
  RETURN_IF_ERROR(Ready());
  queue_->CopiesAfterCompute();
  RETURN_IF_ERROR(staging_->CopyOut(from, floats, host));
  return Ready();
}

absl::StatusOr<Buffer> CudaDevice::AllocateHost(int64_t floats) {
  RETURN_IF_ERROR(Ready());
  return Staging::AllocateHost(floats);
}

absl::StatusOr<CopyTicket> CudaDevice::BeginCopyIn(const float* host, int64_t floats, float* to) {
  RETURN_IF_ERROR(Ready());
  ASSIGN_OR_RETURN(const CopyTicket ticket,
                   staging_->Begin(host, floats, to, cudaMemcpyHostToDevice));
  queue_->ComputeAfterCopies();
  return ticket;
}

absl::StatusOr<CopyTicket> CudaDevice::BeginCopyOut(const float* from, int64_t floats,
                                                    float* host) {
  RETURN_IF_ERROR(Ready());
  queue_->CopiesAfterCompute();
  return staging_->Begin(from, floats, host, cudaMemcpyDeviceToHost);
}

ComputeClass CudaDevice::compute_class() const { return GpuComputeClass(queue_->properties()); }

}  // namespace paracord
