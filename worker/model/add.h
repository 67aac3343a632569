// The end of a residual: the sum of two values.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Add final : public Layer {
 public:
  explicit Add(const LayerSpec& spec) : Layer(spec) {}

  bool works_in_place() const override { return true; }
  void Forward(const ForwardCall& call) const override {
    call.ops.Add(call.rows * outputs(), call.input, call.second, call.output);
  }
  void Backward(const BackwardCall& call) const override {
    for (float* gradient : {call.second_gradient, call.input_gradient}) {
      if (gradient == nullptr || gradient == call.output_gradient) continue;
      call.ops.Copy(call.rows * outputs(), call.output_gradient, gradient);
    }
  }
};

}  // namespace paracord
