// [length, width] to [width, length]; an image's channels to a token for each of its points.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Transpose final : public Layer {
 public:
  explicit Transpose(const LayerSpec& spec) : Layer(spec) {}

  void Forward(const ForwardCall& call) const override {
    call.ops.Transpose(call.rows, spec().output[1], spec().output[0], call.input, call.output);
  }
  void Backward(const BackwardCall& call) const override {
    if (call.input_gradient == nullptr) return;
    call.ops.Transpose(call.rows, spec().output[0], spec().output[1], call.output_gradient,
                       call.input_gradient);
  }
};

}  // namespace paracord
