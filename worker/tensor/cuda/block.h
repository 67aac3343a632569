// A kernel's body is written once, over a block of threads that is either a GPU's or, in the tests,
// a loop of the host's. So all but the launch runs where there is no GPU: index arithmetic,
// formulas, the order of sums.
//
// A body is a function object that is copied to the device: pointers and numbers alone.
//
//   struct Body {
//     static constexpr int kThreads = 256;              // a multiple of 32, a power of two
//     int64_t SharedBytes() const;                      // only if it calls Shared; PARACORD_HD
//     template <class Block> PARACORD_HD void operator()(Block& block) const;
//   };
//
// What a block offers (HostBlock here, DeviceBlock in device_block.h); every thread makes the same
// calls in the same order, as nothing outside Each, Sum and the like depends on a thread:
//
//   x()                place of the block, [0, blocks)
//   Each(f)            f(thread) for each thread; after it all see what was written
//   Reduce(f, combine) the threads' f(thread), combined in one fixed tree; all get it
//   Sum(f), Max(f)     the same with + and the larger of two
//   Shared<T>(count)   memory of the block, not set, aligned to 16 bytes; the same order of calls
//   PerThread<T>       a T for each thread that lasts from one Each to the next: registers
//   Count(at)          *at += 1 from any thread of any block: whole numbers alone, whose sum has no
//                      order
//
// The tree: lane j of a warp with j + 16, then + 8, 4, 2, 1; then the warps by halves.
#pragma once

#include <cassert>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/base/host_device.h"

namespace paracord {

inline constexpr int kWarp = 32;

struct Plus {
  template <class T>
  PARACORD_HD T operator()(const T& a, const T& b) const {
    return a + b;
  }
};

// A NaN is passed over unless both are.
struct Larger {
  template <class T>
  PARACORD_HD T operator()(const T& a, const T& b) const {
    return b > a || !(a == a) ? b : a;
  }
};

// What a body needs of shared memory: 0 if it does not say.
template <class Body>
int64_t SharedBytesOf(const Body& body) {
  if constexpr (requires { body.SharedBytes(); }) {
    return body.SharedBytes();
  } else {
    return 0;
  }
}

// Shared<T>(count) takes as much of SharedBytes().
template <class T>
PARACORD_HD constexpr int64_t SharedSize(int64_t count) {
  return (count * static_cast<int64_t>(sizeof(T)) + 15) / 16 * 16;
}

// In what order the host runs what a GPU runs at the same time. Results do not depend on it.
enum class HostOrder { kForward, kBackward, kShuffled };

// Place of the i-th of `count` in that order.
inline int64_t PlaceInOrder(HostOrder order, int64_t i, int64_t count) {
  if (order == HostOrder::kForward) return i;
  if (order == HostOrder::kBackward) return count - 1 - i;
  constexpr int64_t kStep = 1000003;  // a prime: visits all unless it divides count
  return count % kStep == 0 ? i : (i * kStep + count / 2) % count;
}

template <int kThreadsOfBlock>
class HostBlock {
 public:
  static constexpr int kThreads = kThreadsOfBlock;

  template <class T>
  class PerThread {
   public:
    T& operator[](int thread) { return values_[static_cast<size_t>(thread)]; }

   private:
    std::vector<T> values_ = std::vector<T>(kThreads);
  };

  HostBlock(int64_t x, int64_t shared_bytes, HostOrder order)
      : x_(x), order_(order), shared_(static_cast<size_t>(shared_bytes / 16)) {
    for (Unit& unit : shared_) std::memset(unit.bytes, 0xFF, sizeof(unit.bytes));  // NaNs
  }

  int64_t x() const { return x_; }

  template <class F>
  void Each(F f) {
    for (int i = 0; i < kThreads; ++i) f(static_cast<int>(PlaceInOrder(order_, i, kThreads)));
  }

  template <class F, class Combine>
  auto Reduce(F f, Combine combine) {
    decltype(f(0)) parts[kThreads];
    Each([&](int thread) { parts[thread] = f(thread); });
    for (int warp = 0; warp < kThreads; warp += kWarp) Halve(parts + warp, kWarp, 1, combine);
    Halve(parts, kThreads / kWarp, kWarp, combine);
    return parts[0];
  }
  template <class F>
  auto Sum(F f) {
    return Reduce(f, Plus());
  }
  template <class F>
  auto Max(F f) {
    return Reduce(f, Larger());
  }

  template <class T>
  T* Shared(int64_t count) {
    Unit* at = shared_.data() + used_ / 16;
    used_ += SharedSize<T>(count);
    assert(used_ <= static_cast<int64_t>(shared_.size()) * 16);
    return reinterpret_cast<T*>(at);
  }

  void Count(uint64_t* at) { ++*at; }

 private:
  struct alignas(16) Unit {
    unsigned char bytes[16];
  };

  // Combines parts[0], parts[stride], ... `count` of them, by halves.
  template <class T, class Combine>
  static void Halve(T* parts, int count, int stride, Combine combine) {
    for (int half = count / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; ++j) {
        parts[j * stride] = combine(parts[j * stride], parts[(j + half) * stride]);
      }
    }
  }

  const int64_t x_;
  const HostOrder order_;
  std::vector<Unit> shared_;
  int64_t used_ = 0;
};

}  // namespace paracord
