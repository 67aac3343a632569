// What a layer multiplies, in the precision of its model: floats as they are, or copies of them in
// the call's scratch that are rounded to bfloat16, for products whose shape says so. Products and sums are of float32 either way, and
// what is rounded is a function of the float alone: the bits of a compute class stay its own.
//
// Source: Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019 (operands in
// bfloat16, sums and the weights that are updated in float32).
#pragma once

#include <cstdint>

#include "common/job/model_spec.h"
#include "worker/tensor/ops.h"

namespace paracord {

class Operands {
 public:
  Operands(const Ops& ops, Precision precision, float* scratch)
      : ops_(ops), precision_(precision), free_(scratch) {}

  // Of the call's scratch, for so many floats to be rounded.
  static int64_t ScratchFloats(Precision precision, int64_t floats) {
    return precision == Precision::kBfloat16 ? floats + 3 * kAlign : 0;
  }

  const float* Take(int64_t count, const float* floats) {
    if (precision_ == Precision::kFloat32) return floats;
    float* rounded = free_;
    ops_.RoundOperand(count, floats, rounded);
    free_ += (count + kAlign - 1) / kAlign * kAlign;
    return rounded;
  }
  float* scratch() const { return free_; }  // what is left

 private:
  static constexpr int64_t kAlign = 16;  // floats

  const Ops& ops_;
  const Precision precision_;
  float* free_;
};

}  // namespace paracord
