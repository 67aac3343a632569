// A block of threads of a GPU, see block.h. For files that nvcc compiles. A block of one warp needs
// no barrier between warps.
#pragma once

#include <cstdint>
#include <cstring>

#include "worker/tensor/cuda/block.h"

namespace paracord {

template <int kThreadsOfBlock>
class DeviceBlock {
 public:
  static constexpr int kThreads = kThreadsOfBlock;
  static_assert(kThreads % kWarp == 0 && (kThreads & (kThreads - 1)) == 0 && kThreads <= 1024);

  template <class T>
  class PerThread {
   public:
    __device__ T& operator[](int) { return value_; }

   private:
    T value_;
  };

  __device__ int64_t x() const { return blockIdx.x; }

  template <class F>
  __device__ void Each(F f) {
    f(static_cast<int>(threadIdx.x));
    Barrier();
  }

  template <class F, class Combine>
  __device__ auto Reduce(F f, Combine combine) {
    using T = decltype(f(0));
    constexpr int kWarps = kThreads / kWarp;
    T value = f(static_cast<int>(threadIdx.x));
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) value = combine(value, Beside(value, half));
    if constexpr (kWarps > 1) {
      __shared__ T parts[kWarps];
      if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = value;
      __syncthreads();
      // Each warp does the rest by itself: its lanes hold the warps' values over and over.
      value = parts[threadIdx.x % kWarps];
#pragma unroll
      for (int half = kWarps / 2; half > 0; half /= 2) value = combine(value, Beside(value, half));
      __syncthreads();  // before `parts` is written again
    }
    return First(value);
  }
  template <class F>
  __device__ auto Sum(F f) {
    return Reduce(f, Plus());
  }
  template <class F>
  __device__ auto Max(F f) {
    return Reduce(f, Larger());
  }

  template <class T>
  __device__ T* Shared(int64_t count) {
    extern __shared__ uint4 paracord_shared[];
    T* at = reinterpret_cast<T*>(reinterpret_cast<unsigned char*>(paracord_shared) + used_);
    used_ += static_cast<int>(SharedSize<T>(count));
    return at;
  }

  __device__ void Count(uint64_t* at) {
    atomicAdd(reinterpret_cast<unsigned long long*>(at), 1ull);
  }

 private:
  __device__ static void Barrier() {
    if constexpr (kThreads == kWarp) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  }

  // The value of the lane `lanes` further on; word by word.
  template <class T>
  __device__ static T Beside(const T& value, int lanes) {
    return Moved(value, [lanes](uint32_t word) { return __shfl_down_sync(~0u, word, lanes); });
  }
  // Lane 0's, so that all have the same even if `combine` tells its arguments apart.
  template <class T>
  __device__ static T First(const T& value) {
    return Moved(value, [](uint32_t word) { return __shfl_sync(~0u, word, 0); });
  }
  template <class T, class Move>
  __device__ static T Moved(const T& value, Move move) {
    static_assert(sizeof(T) % 4 == 0);
    uint32_t words[sizeof(T) / 4];
    memcpy(words, &value, sizeof(T));
#pragma unroll
    for (uint32_t& word : words) word = move(word);
    T moved;
    memcpy(&moved, words, sizeof(T));
    return moved;
  }

  int used_ = 0;
};

// The kernel of a body: Run<<<blocks, Body::kThreads, SharedBytesOf(body), stream>>>(body).
template <class Body>
__global__ void __launch_bounds__(Body::kThreads) Run(const __grid_constant__ Body body) {
  DeviceBlock<Body::kThreads> block;
  body(block);
}

}  // namespace paracord
