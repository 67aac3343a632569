// Where a pass computes: its memory, the copies to and from it, and its operations. The seam behind
// which CUDA comes.
//
// Threads share a device. It outlives the buffers made from it and the models built on it. There is
// no global one.
//
// Operations and plain copies happen in the order in which they were asked for, whoever asks.
// Copies beside them are for a task that computes meanwhile: pulled weights go up while the layers
// before compute, gradients come down while the next are made.
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

// A copy that was begun; those of one device are done in order.
using CopyTicket = uint64_t;

class Device {
 public:
  virtual ~Device() = default;

  // Values are not set. ResourceExhausted: it does not fit.
  virtual absl::StatusOr<Buffer> Allocate(int64_t floats) = 0;
  // `host` may be used again when these return.
  virtual absl::Status CopyIn(const float* host, int64_t floats, float* to) = 0;
  virtual absl::Status CopyOut(const float* from, int64_t floats, float* host) = 0;
  // Waits until every operation so far is done; the first error of any of them.
  virtual absl::Status Finish() = 0;

  // Memory of the host that the copies below take: a GPU reads and writes it by itself.
  virtual absl::StatusOr<Buffer> AllocateHost(int64_t floats) { return Allocate(floats); }
  // Up, beside the operations asked for so far, none of which uses `to`; later ones see it. Nobody
  // writes to `host` before Await.
  virtual absl::StatusOr<CopyTicket> BeginCopyIn(const float* host, int64_t floats, float* to) {
    return Ticket(CopyIn(host, floats, to));
  }
  // Down, when the operations asked for so far are done, beside later ones, none of which writes to
  // `from`. `host` is set after Await.
  virtual absl::StatusOr<CopyTicket> BeginCopyOut(const float* from, int64_t floats, float* host) {
    return Ticket(CopyOut(from, floats, host));
  }
  virtual absl::Status Await(CopyTicket) { return absl::OkStatus(); }

  virtual const Ops& ops() const = 0;
  virtual bool host_memory() const = 0;  // its pointers are the host's: no copies needed
  virtual ComputeClass compute_class() const = 0;

 private:
  static absl::StatusOr<CopyTicket> Ticket(const absl::Status& done) {
    if (!done.ok()) return done;
    return CopyTicket{0};
  }
};

// kAuto: CUDA if it is there, else the CPU. InvalidArgument: this host has no such device; says
// what was looked for and where. ResourceExhausted: the GPU has not the memory for that share.
absl::StatusOr<std::unique_ptr<Device>> OpenDevice(DeviceKind kind, const GpuShare& gpu = {});

// Through the module libparacord_cuda.so, which lies beside the program: cuda_loader.h.
absl::StatusOr<std::unique_ptr<Device>> OpenCudaDevice(const GpuShare& gpu);

}  // namespace paracord
