// Operations by launching bodies: linear layers, and the operands of products in bfloat16.
#pragma once

#include <bit>
#include <cstdint>

#include "worker/tensor/activations.h"
#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/launched_ops.h"
#include "worker/tensor/cuda/matrix_product.h"

namespace paracord {

// The two bytes of a bfloat16 that a float holds exactly.
PARACORD_HD inline uint16_t PackedBfloat16(float x) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(NearestBfloat16(x)) >> 16);
}

// y = x, rounded and packed; two values a thread.
struct PackBody {
  static constexpr int kThreads = 256;
  int64_t count;
  const float* x;
  uint32_t* y;

  static int64_t Blocks(int64_t count) { return CeilDivide(CeilDivide(count, 2), kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t pair = block.x() * kThreads + thread, at = 2 * pair;
      if (at >= count) return;
      const uint32_t low = PackedBfloat16(x[at]);
      const uint32_t high = at + 1 < count ? PackedBfloat16(x[at + 1]) : 0;
      y[pair] = low | high << 16;
    });
  }
};

template <class Base>
class LinearOps : public Base {
 public:
  using Base::Base;

  // Half as many bytes as the caller has room for, and what tensor cores read.
  void RoundOperand(int64_t count, const float* x, float* y) const override {
    this->launcher().Launch(PackBody::Blocks(count),
                            PackBody{count, x, reinterpret_cast<uint32_t*>(y)});
  }

  int64_t LinearScratch(const LinearShape&) const override { return 0; }
  void LinearForward(const LinearShape& s, const float* x, const float* weight, const float* bias,
                     float* y, float*) const override {
    this->launcher().product().Multiply({.m = s.rows,
                                         .n = s.outputs,
                                         .k = s.inputs,
                                         .a = {x, s.inputs},
                                         .b = {weight, s.inputs, true},
                                         .c = y,
                                         .c_stride = s.row(),
                                         .bias = bias,
                                         .bfloat16 = s.bfloat16,
                                         .alone = Product::Alone::kRows});
  }
  void LinearInputGradient(const LinearShape& s, const float* dy, const float* weight,
                           float* dx) const override {
    this->launcher().product().Multiply({.m = s.rows,
                                         .n = s.inputs,
                                         .k = s.outputs,
                                         .a = {dy, s.row()},
                                         .b = {weight, s.inputs},
                                         .c = dx,
                                         .c_stride = s.inputs,
                                         .bfloat16 = s.bfloat16});
  }
  void LinearWeightGradient(const LinearShape& s, const float* dy, const float* x,
                            float* dweight) const override {
    if (s.rows == 0) return this->Clear(s.outputs * s.inputs, dweight);
    this->launcher().product().Multiply({.m = s.outputs,
                                         .n = s.inputs,
                                         .k = s.rows,
                                         .a = {dy, s.row(), true},
                                         .b = {x, s.inputs},
                                         .c = dweight,
                                         .c_stride = s.inputs,
                                         .bfloat16 = s.bfloat16});
  }
};

}  // namespace paracord
