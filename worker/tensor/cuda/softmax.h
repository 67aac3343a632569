// The softmax of a row in one pass over it: the largest value so far, and the sum of the
// exponentials around it.
//
// Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, section 3.
#pragma once

#include <cstdint>

#include "common/base/host_device.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

struct SoftmaxSum {
  float largest = -3.402823466e38f;  // not an infinity, of which differences are NaN
  float sum = 0;

  // A NaN makes the sum NaN.
  PARACORD_HD void Take(float x) {
    const bool larger = x > largest;
    const float e = Exp(larger ? largest - x : x - largest);
    sum = larger ? sum * e + 1.0f : sum + e;
    largest = larger ? x : largest;
  }
};

struct Joined {
  PARACORD_HD SoftmaxSum operator()(const SoftmaxSum& a, const SoftmaxSum& b) const {
    SoftmaxSum both;
    both.largest = b.largest > a.largest ? b.largest : a.largest;
    both.sum = a.sum * Exp(a.largest - both.largest) + b.sum * Exp(b.largest - both.largest);
    return both;
  }
};

// Of x[0..count), in an order that the count alone gives; all threads get it.
template <class Block>
PARACORD_HD SoftmaxSum BlockSoftmax(Block& block, int64_t count, const float* x) {
  return block.Reduce(
      [&](int thread) {
        SoftmaxSum part;
        for (int64_t i = thread; i < count; i += Block::kThreads) part.Take(x[i]);
        return part;
      },
      Joined());
}

}  // namespace paracord
