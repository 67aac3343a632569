#include "worker/model/conv2d.h"

#include "worker/model/operands.h"

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
          .groups = spec().groups,
          .bfloat16 = precision_ == Precision::kBfloat16};
}

int64_t Conv2d::weights() const {
  return spec().units * (spec().input[0] / spec().groups) * spec().kernel * spec().kernel;
}

int64_t Conv2d::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.ConvScratch(ShapeOf(rows)) +
         Operands::ScratchFloats(precision_, rows * (inputs() + outputs()) + weights());
}

void Conv2d::Forward(const ForwardCall& call) const {
  Operands operands(call.ops, precision_, call.scratch);
  const float* input = operands.Take(call.rows * inputs(), call.input);
  const float* weight = operands.Take(weights(), call.tensors[0]);
  call.ops.ConvForward(ShapeOf(call.rows), input, weight, spec().bias ? call.tensors[1] : nullptr,
                       call.output, operands.scratch());
}

void Conv2d::Backward(const BackwardCall& call) const {
  const ConvShape shape = ShapeOf(call.rows);
  Operands operands(call.ops, precision_, call.scratch);
  const float* slopes = operands.Take(call.rows * outputs(), call.output_gradient);
  if (call.input_gradient != nullptr) {
    const float* weight = operands.Take(weights(), call.tensors[0]);
    call.ops.ConvInputGradient(shape, slopes, weight, call.input_gradient, operands.scratch());
  }
  const float* input = operands.Take(call.rows * inputs(), call.input);
  call.ops.ConvWeightGradient(shape, slopes, input, call.gradients[0], operands.scratch());
  if (spec().bias) call.ops.ConvBiasGradient(shape, call.output_gradient, call.gradients[1]);
}

}  // namespace paracord
