#include "worker/model/conv2d.h"

namespace paracord {

ConvShape Conv2d::ShapeOf(int64_t rows) const {
  return {.rows = rows,
          .in_channels = spec().input[0],
          .height = spec().input[1],
          .width = spec().input[2],
          .out_channels = spec().units,
          .kernel_height = spec().kernel,
          .kernel_width = spec().kernel,
          .stride = spec().stride,
          .padding = spec().padding,
          .groups = spec().groups};
}

int64_t Conv2d::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.ConvScratch(ShapeOf(rows));
}

void Conv2d::Forward(const ForwardCall& call) const {
  call.ops.ConvForward(ShapeOf(call.rows), call.input, call.tensors[0],
                       spec().bias ? call.tensors[1] : nullptr, call.output, call.scratch);
}

void Conv2d::Backward(const BackwardCall& call) const {
  const ConvShape shape = ShapeOf(call.rows);
  if (call.input_gradient != nullptr) {
    call.ops.ConvInputGradient(shape, call.output_gradient, call.tensors[0], call.input_gradient,
                               call.scratch);
  }
  call.ops.ConvWeightGradient(shape, call.output_gradient, call.input, call.gradients[0],
                              call.scratch);
  if (spec().bias) call.ops.ConvBiasGradient(shape, call.output_gradient, call.gradients[1]);
}

}  // namespace paracord
