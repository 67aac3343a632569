// The end of two branches: the values of one, then those of the other.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Concat final : public Layer {
 public:
  explicit Concat(const LayerSpec& spec) : Layer(spec) {}

  void Forward(const ForwardCall& call) const override {
    const int64_t more = outputs() - inputs();
    call.ops.CopyRows(call.rows, inputs(), call.input, inputs(), call.output, outputs());
    call.ops.CopyRows(call.rows, more, call.second, more, call.output + inputs(), outputs());
  }
  void Backward(const BackwardCall& call) const override {
    const int64_t more = outputs() - inputs();
    const float* from = call.output_gradient;
    if (call.input_gradient != nullptr) {
      call.ops.CopyRows(call.rows, inputs(), from, outputs(), call.input_gradient, inputs());
    }
    if (call.second_gradient != nullptr) {
      call.ops.CopyRows(call.rows, more, from + inputs(), outputs(), call.second_gradient, more);
    }
  }
};

}  // namespace paracord
