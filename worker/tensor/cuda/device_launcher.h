// Launches the bodies of kernels on a GPU's compute stream: CUDA's twin of host_launcher.h. For
// files that nvcc compiles. Errors go to the queue; after one nothing is launched, and what is read
// back is NaN.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "worker/tensor/cuda/device_block.h"
#include "worker/tensor/cuda/gpu_queue.h"
#include "worker/tensor/cuda/matrix_product.h"

namespace paracord {

class DeviceLauncher {
 public:
  // The next operation may have the memory at once: it runs after what was launched on this.
  template <class T>
  class Held {
   public:
    Held(GpuQueue& queue, int64_t count) : queue_(&queue) {
      absl::StatusOr<uint64_t> address =
          queue.arena().Take(static_cast<uint64_t>(count) * sizeof(T));
      queue.Keep(address.status());
      if (address.ok()) data_ = reinterpret_cast<T*>(*address);
    }
    Held(Held&& other) noexcept
        : queue_(other.queue_), data_(std::exchange(other.data_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (data_ != nullptr) queue_->arena().GiveBack(reinterpret_cast<uint64_t>(data_));
    }
    T* data() { return data_; }  // null after an error: nothing is launched that could use it

   private:
    GpuQueue* queue_;
    T* data_ = nullptr;
  };

  DeviceLauncher(GpuQueue& queue, const MatrixProduct& product)
      : queue_(&queue), product_(&product) {}

  template <class Body>
  void Launch(int64_t blocks, const Body& body) const {
    constexpr int64_t kMostBlocks = (int64_t{1} << 31) - 1;
    constexpr int64_t kPlainShared = 48 << 10;
    if (blocks == 0 || !queue_->Ready()) return;
    if (blocks > kMostBlocks) return queue_->Keep(cudaErrorInvalidConfiguration, "too many blocks");
    const int64_t shared = SharedBytesOf(body);
    if (shared > kPlainShared) {
      queue_->Keep(cudaFuncSetAttribute(Run<Body>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(shared)),
                   "shared memory of a kernel");
    }
    Run<Body><<<static_cast<unsigned>(blocks), Body::kThreads, static_cast<size_t>(shared),
                queue_->compute()>>>(body);
    queue_->Keep(cudaGetLastError(), "launching a kernel");
  }

  template <class T>
  Held<T> Scratch(int64_t count) const {
    return Held<T>(*queue_, count);
  }

  template <class T>
  void ReadBack(const T* from, int64_t count, T* host) const {
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    std::memset(static_cast<void*>(host), 0xFF, bytes);
    if (!queue_->Ready()) return;
    queue_->Keep(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, queue_->compute()),
                 "reading back");
    queue_->Keep(cudaStreamSynchronize(queue_->compute()), "computing");
  }

  const MatrixProduct& product() const { return *product_; }

 private:
  GpuQueue* queue_;
  const MatrixProduct* product_;
};

}  // namespace paracord
