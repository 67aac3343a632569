// A GPU's streams, its memory and its first error: what the device, its launches and its products
// stand on. One stream computes, in the order of the calls; one copies beside it. [door: CUDA]
//
// Threads share it.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "worker/tensor/arena.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

// "launch: out of memory (cudaErrorMemoryAllocation)". OK for cudaSuccess; ResourceExhausted for
// memory, else Internal.
absl::Status CudaStatus(cudaError_t error, const std::string& what);

// A point of a stream that the host can wait for.
class GpuEvent {
 public:
  static absl::StatusOr<std::shared_ptr<const GpuEvent>> Make();
  ~GpuEvent() { cudaEventDestroy(event_); }
  GpuEvent(const GpuEvent&) = delete;
  GpuEvent& operator=(const GpuEvent&) = delete;

  absl::Status Record(cudaStream_t stream) const;
  absl::Status Await() const;  // at once if it was never recorded
  bool IsDone() const;

 private:
  GpuEvent() = default;
  cudaEvent_t event_ = nullptr;
};

class GpuQueue {
 public:
  // InvalidArgument: there is no GPU of that number. ResourceExhausted: less is free than the
  // share.
  static absl::StatusOr<std::unique_ptr<GpuQueue>> Open(const GpuShare& gpu);
  ~GpuQueue();  // waits for what runs

  GpuQueue(const GpuQueue&) = delete;
  GpuQueue& operator=(const GpuQueue&) = delete;

  cudaStream_t compute() const { return compute_; }
  cudaStream_t copies() const { return copies_; }
  const cudaDeviceProp& properties() const { return properties_; }
  Arena& arena() { return *arena_; }

  // For a call of CUDA on this thread; false after an error: nothing is launched any more.
  bool Ready();
  // Remembers the first error, until TakeError.
  void Keep(const absl::Status& status);
  void Keep(cudaError_t error, const char* what) {
    if (error != cudaSuccess) Keep(CudaStatus(error, what));
  }
  absl::Status TakeError();

  // What runs on one stream from now on waits for what the other has been given so far.
  void ComputeAfterCopies() { Order(copies_, compute_); }
  void CopiesAfterCompute() { Order(compute_, copies_); }
  // The host waits; the first error.
  absl::Status Finish();

 private:
  GpuQueue() = default;
  absl::Status Start(const GpuShare& gpu);
  absl::Status Reserve(const GpuShare& gpu);
  void Order(cudaStream_t first, cudaStream_t then);

  int index_ = 0;
  cudaDeviceProp properties_{};
  cudaStream_t compute_ = nullptr, copies_ = nullptr;
  void* memory_ = nullptr;
  std::unique_ptr<Arena> arena_;
  std::atomic<bool> failed_ = false;
  Mutex mutex_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paracord
