// Operations by launching bodies: attention. What is kept for the way back grows with the length,
// not with its square: for each row [heads, length] logs of sums, then y once more.
#pragma once

#include <cmath>
#include <cstdint>

#include "worker/tensor/cuda/attention_backward.h"
#include "worker/tensor/cuda/attention_forward.h"
#include "worker/tensor/cuda/launched_ops.h"

namespace paracord {

template <class Base>
class AttentionOps : public Base {
 public:
  using Base::Base;

  int64_t AttentionKept(const AttentionShape& s) const override {
    return s.rows * AttentionFrame(s).KeptRow();
  }
  int64_t AttentionScratch(const AttentionShape&) const override { return 0; }

  void AttentionForward(const AttentionShape& s, const float* qkv, float* y, float* kept,
                        float*) const override {
    const AttentionBody body{AttentionFrame(s), ScoreScale(s), qkv, y, kept};
    this->launcher().Launch(body.Blocks(), body);
  }

  void AttentionBackward(const AttentionShape& s, const float* qkv, const float* kept,
                         const float* dy, float* dqkv, float*) const override {
    const AttentionSlopes slopes{AttentionFrame(s), ScoreScale(s), qkv, kept, dy};
    const QueryGradientBody queries{slopes, dqkv};
    this->launcher().Launch(queries.Blocks(), queries);
    const KeyGradientBody keys{slopes, dqkv};
    this->launcher().Launch(keys.Blocks(), keys);
  }

 private:
  static float ScoreScale(const AttentionShape& s) {
    return 1.0f / std::sqrt(static_cast<float>(s.head_width));
  }
};

}  // namespace paracord
