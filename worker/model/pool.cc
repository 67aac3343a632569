#include "worker/model/pool.h"

namespace paracord {
namespace {

PoolShape Windows(const LayerSpec& spec, int64_t rows) {
  return {.rows = rows,
          .channels = spec.input[0],
          .height = spec.input[1],
          .width = spec.input[2],
          .kernel_height = spec.kernel,
          .kernel_width = spec.kernel,
          .stride = spec.stride,
          .padding = spec.padding};
}

}  // namespace

void MaxPool::Forward(const ForwardCall& call) const {
  call.ops.MaxPoolForward(Windows(spec(), call.rows), call.input, call.output, call.kept);
}

void MaxPool::Backward(const BackwardCall& call) const {
  if (call.input_gradient == nullptr) return;
  call.ops.MaxPoolBackward(Windows(spec(), call.rows), call.kept, call.output_gradient,
                           call.input_gradient);
}

PoolShape AvgPool::ShapeOf(int64_t rows) const {
  if (spec().kind == LayerKind::kAvgPool) return Windows(spec(), rows);
  const int64_t points = inputs() / spec().input[0];
  return {.rows = rows,
          .channels = spec().input[0],
          .height = 1,
          .width = points,
          .kernel_height = 1,
          .kernel_width = points};
}

void AvgPool::Forward(const ForwardCall& call) const {
  call.ops.AvgPoolForward(ShapeOf(call.rows), call.input, call.output);
}

void AvgPool::Backward(const BackwardCall& call) const {
  if (call.input_gradient == nullptr) return;
  call.ops.AvgPoolBackward(ShapeOf(call.rows), call.output_gradient, call.input_gradient);
}

}  // namespace paracord
