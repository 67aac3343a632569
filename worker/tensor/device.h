// Where a pass computes: its memory, the copies to and from it, and its operations. The seam behind
// which CUDA comes.
//
// Threads share a device. It outlives the buffers made from it and the models built on it. There is
// no global one.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/tensor/buffer.h"
#include "worker/tensor/compute_class.h"
#include "worker/tensor/gpu_list.h"
#include "worker/tensor/ops.h"

namespace paracord {

class Device {
 public:
  virtual ~Device() = default;

  // Values are not set. ResourceExhausted: it does not fit.
  virtual absl::StatusOr<Buffer> Allocate(int64_t floats) = 0;
  virtual absl::Status CopyIn(const float* host, int64_t floats, float* to) = 0;
  virtual absl::Status CopyOut(const float* from, int64_t floats, float* host) = 0;
  // Waits until every operation so far is done; the first error of any of them.
  virtual absl::Status Finish() = 0;

  virtual const Ops& ops() const = 0;
  virtual bool host_memory() const = 0;  // its pointers are the host's: no copies needed
  virtual ComputeClass compute_class() const = 0;
};

// kAuto: CUDA if it is there, else the CPU. InvalidArgument: this host has no such device; says
// what was looked for and where. ResourceExhausted: the GPU's memory is in use.
absl::StatusOr<std::unique_ptr<Device>> OpenDevice(DeviceKind kind, const GpuShare& gpu = {});

// Through the module libparacord_cuda.so, which lies beside the program: cuda_loader.cc.
absl::StatusOr<std::unique_ptr<Device>> OpenCudaDevice(const GpuShare& gpu);

}  // namespace paracord
