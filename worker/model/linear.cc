#include "worker/model/linear.h"

#include <algorithm>

#include "worker/model/operands.h"

namespace paracord {
namespace {

constexpr int64_t kPartFloats = (1 << 19) / sizeof(float);  // of weights, at most
constexpr int64_t kPartOutputs = 64;                        // at least, or the product gets slow
constexpr int64_t kOutputUnit = 16;

// Rounded operands are made anew for each part: there, one is all.
int PartsOf(const LayerSpec& spec, Precision precision) {
  if (precision != Precision::kFloat32) return 1;
  if (spec.tied != kNotTied) return 1;
  const int64_t floats = spec.units * spec.input.back();
  return static_cast<int>(std::clamp<int64_t>((floats + kPartFloats - 1) / kPartFloats, 1,
                                              std::max<int64_t>(1, spec.units / kPartOutputs)));
}

}  // namespace

Linear::Linear(const LayerSpec& spec, Precision precision)
    : Layer(spec), parts_(PartsOf(spec, precision)), precision_(precision) {}

int64_t Linear::FirstOutput(int part) const {
  if (part == parts_) return units();
  return units() * part / parts_ / kOutputUnit * kOutputUnit;
}

FloatRange Linear::FloatsOf(int part) const {
  const uint64_t row = static_cast<uint64_t>(width());
  const uint64_t bias = spec().bias && part == parts_ - 1 ? static_cast<uint64_t>(units()) : 0;
  return {static_cast<uint64_t>(FirstOutput(part)) * row,
          static_cast<uint64_t>(FirstOutput(part + 1)) * row + bias};
}

int64_t Linear::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.LinearScratch(Whole(rows)) +
         Operands::ScratchFloats(precision_, rows * (inputs() + outputs()) + units() * width());
}

void Linear::Forward(const ForwardCall& call) const {
  const LinearShape shape = ShapeOf(call.rows, call.part);
  const int64_t first = FirstOutput(call.part);
  Operands operands(call.ops, precision_, call.scratch);
  const float* input = operands.Take(call.rows * inputs(), call.input);
  const float* weight = operands.Take(shape.outputs * width(), call.tensors[0] + first * width());
  call.ops.LinearForward(shape, input, weight, spec().bias ? call.tensors[1] + first : nullptr,
                         call.output + first, operands.scratch());
}

void Linear::Backward(const BackwardCall& call) const {
  const LinearShape whole = Whole(call.rows);
  Operands operands(call.ops, precision_, call.scratch);
  const float* slopes = operands.Take(call.rows * outputs(), call.output_gradient);
  if (call.part == parts_ - 1) {
    if (call.input_gradient != nullptr) {
      const float* weight = operands.Take(units() * width(), call.tensors[0]);
      call.ops.LinearInputGradient(whole, slopes, weight, call.input_gradient);
    }
    if (spec().bias) call.ops.BiasGradient(whole, call.output_gradient, call.gradients[1]);
  }
  const int64_t first = FirstOutput(call.part);
  call.ops.LinearWeightGradient(ShapeOf(call.rows, call.part), slopes + first,
                                operands.Take(call.rows * inputs(), call.input),
                                call.gradients[0] + first * width());
}

}  // namespace paracord
