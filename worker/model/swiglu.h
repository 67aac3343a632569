// The second half of a row, let through by the silu of the first half.
//
// Source: Shazeer, "GLU Variants Improve Transformer", 2020.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Swiglu final : public Layer {
 public:
  explicit Swiglu(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  void Forward(const ForwardCall& call) const override {
    const int64_t columns = spec().output.back();
    call.ops.SwigluForward(call.rows * outputs() / columns, columns, call.input, call.output);
  }
  void Backward(const BackwardCall& call) const override {
    if (call.input_gradient == nullptr) return;
    const int64_t columns = spec().output.back();
    call.ops.SwigluBackward(call.rows * outputs() / columns, columns, call.input,
                            call.output_gradient, call.input_gradient);
  }
};

}  // namespace paracord
