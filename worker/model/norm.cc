#include "worker/model/norm.h"

namespace paracord {

ChannelShape GroupNorm::ShapeOf(int64_t rows) const {
  const int64_t channels = spec().input[0];
  return {
      .rows = rows, .channels = channels, .points = inputs() / channels, .groups = spec().groups};
}

int64_t GroupNorm::KeptFloats(const Ops& ops, int64_t rows) const {
  return rows * spec().groups * 2;
}

void GroupNorm::Forward(const ForwardCall& call) const {
  call.ops.GroupNormForward(ShapeOf(call.rows), static_cast<float>(spec().epsilon), call.input,
                            call.tensors[0], call.tensors[1], call.output, call.kept);
}

void GroupNorm::Backward(const BackwardCall& call) const {
  call.ops.GroupNormBackward(ShapeOf(call.rows), call.input, call.kept, call.tensors[0],
                             call.output_gradient, call.input_gradient, call.gradients[0],
                             call.gradients[1]);
}

int64_t LayerNorm::KeptFloats(const Ops& ops, int64_t rows) const {
  return rows * inputs() / width() * 2;
}

void LayerNorm::Forward(const ForwardCall& call) const {
  call.ops.LayerNormForward(call.rows * inputs() / width(), width(),
                            static_cast<float>(spec().epsilon), call.input, call.tensors[0],
                            spec().bias ? call.tensors[1] : nullptr, call.output, call.kept);
}

void LayerNorm::Backward(const BackwardCall& call) const {
  call.ops.LayerNormBackward(call.rows * inputs() / width(), width(), call.input, call.kept,
                             call.tensors[0], call.output_gradient, call.input_gradient,
                             call.gradients[0], spec().bias ? call.gradients[1] : nullptr);
}

int64_t RmsNorm::KeptFloats(const Ops& ops, int64_t rows) const {
  return rows * inputs() / width();
}

void RmsNorm::Forward(const ForwardCall& call) const {
  call.ops.RmsNormForward(call.rows * inputs() / width(), width(),
                          static_cast<float>(spec().epsilon), call.input, call.tensors[0],
                          call.output, call.kept);
}

void RmsNorm::Backward(const BackwardCall& call) const {
  call.ops.RmsNormBackward(call.rows * inputs() / width(), width(), call.input, call.kept,
                           call.tensors[0], call.output_gradient, call.input_gradient,
                           call.gradients[0]);
}

}  // namespace paracord
