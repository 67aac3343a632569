// Sums along a row by one block, a warp if the row is narrow, in an order that the width alone
// gives: thread t takes t, t + kThreads, ...
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

#include "worker/tensor/cuda/block.h"

namespace paracord {

inline constexpr int64_t kWidestOfWarp = 1024;

// Sum of element(i) for i < count.
template <class Block, class Element>
PARACORD_HD float BlockSum(Block& block, int64_t count, Element element) {
  return block.Sum([&](int thread) {
    float sum = 0;
    for (int64_t i = thread; i < count; i += Block::kThreads) sum += element(i);
    return sum;
  });
}

// to[i] = value(i) for i < count. Four are computed before one is stored: `to` may be what they are
// computed from, so the compiler cannot load the next one early by itself.
template <class Block, class Value>
PARACORD_HD void BlockWrite(Block& block, int64_t count, float* to, Value value) {
  constexpr int kAtOnce = 4, kThreads = Block::kThreads;
  block.Each([&](int thread) {
    for (int64_t first = thread; first < count; first += kAtOnce * kThreads) {
      float values[kAtOnce] = {};
      for (int j = 0; j < kAtOnce; ++j) {
        if (first + j * kThreads < count) values[j] = value(first + j * kThreads);
      }
      for (int j = 0; j < kAtOnce; ++j) {
        if (first + j * kThreads < count) to[first + j * kThreads] = values[j];
      }
    }
  });
}

PARACORD_HD inline float InverseRootOf(float value) { return 1.0f / std::sqrt(value); }

// Body<kThreads>{width, arguments...} for each row.
template <template <int> class Body, class Launcher, class... Arguments>
void LaunchRows(const Launcher& launcher, int64_t rows, int64_t width, Arguments... arguments) {
  if (width <= kWidestOfWarp) {
    launcher.Launch(rows, Body<kWarp>{width, arguments...});
  } else {
    launcher.Launch(rows, Body<256>{width, arguments...});
  }
}

}  // namespace paracord
