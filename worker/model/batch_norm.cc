#include "worker/model/batch_norm.h"

namespace paracord {

ChannelShape BatchNorm::ShapeOf(int64_t rows) const {
  return {.rows = rows, .channels = channels(), .points = inputs() / channels()};
}

void BatchNorm::Forward(const ForwardCall& call) const {
  const ChannelShape shape = ShapeOf(call.rows);
  const float *mean = call.tensors[2], *variance = call.tensors[3];
  if (call.context.training) {
    call.ops.BatchNormStatistics(shape, call.input, call.kept, call.kept + channels());
    mean = call.kept;
    variance = call.kept + channels();
  }
  call.ops.BatchNormForward(shape, static_cast<float>(spec().epsilon), call.input, mean, variance,
                            call.tensors[0], call.tensors[1], call.output);
}

void BatchNorm::Backward(const BackwardCall& call) const {
  float *mean = call.kept, *variance = call.kept + channels();
  const ChannelShape shape = ShapeOf(call.rows);
  call.ops.BatchNormBackward(shape, static_cast<float>(spec().epsilon), call.input, mean, variance,
                             call.tensors[0], call.output_gradient, call.input_gradient,
                             call.gradients[0], call.gradients[1]);
  const auto count = static_cast<double>(shape.rows * shape.points);
  const double unbiased = count > 1 ? count / (count - 1) : 1;
  MoveAverage(call, call.tensors[2], spec().momentum, mean, call.gradients[2]);
  MoveAverage(call, call.tensors[3], spec().momentum * unbiased, variance, call.gradients[3]);
}

void BatchNorm::MoveAverage(const BackwardCall& call, const float* average, double own,
                            float* statistics, float* next) const {
  const auto slices = static_cast<double>(call.context.slices);
  call.ops.Copy(channels(), average, next);
  call.ops.Scale(channels(), static_cast<float>((1 - spec().momentum) / slices), next);
  call.ops.Scale(channels(), static_cast<float>(own / slices), statistics);
  call.ops.Add(channels(), next, statistics, next);
}

}  // namespace paracord
