// A learned vector for each place of a sequence, added to the token there. Tensor: weight [length,
// width].
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Positions final : public Layer {
 public:
  explicit Positions(const LayerSpec& spec) : Layer(spec) {}

  bool works_in_place() const override { return true; }
  void Forward(const ForwardCall& call) const override {
    call.ops.AddToRows(call.rows, outputs(), call.input, call.tensors[0], call.output);
  }
  void Backward(const BackwardCall& call) const override {
    if (call.input_gradient != call.output_gradient) {
      call.ops.Copy(call.rows * outputs(), call.output_gradient, call.input_gradient);
    }
    call.ops.BiasGradient({call.rows, 0, outputs()}, call.output_gradient, call.gradients[0]);
  }
};

}  // namespace paracord
