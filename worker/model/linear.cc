#include "worker/model/linear.h"

#include <algorithm>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr int64_t kPartFloats = (1 << 19) / sizeof(float);  // of weights, at most
constexpr int64_t kPartOutputs = 64;                        // at least, or the product gets slow
constexpr int64_t kOutputUnit = 16;

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> Linear::Make(const LayerSpec& spec, const ModelSpec& model) {
  auto layer = std::make_unique<Linear>(spec);
  const int64_t inputs = layer->inputs(), outputs = layer->outputs();
  const uint32_t wanted = spec.bias ? 2 : 1;
  const bool there = spec.tensor_count == wanted && inputs > 0 && outputs > 0 &&
                     spec.first_tensor <= model.tensors.size() &&
                     wanted <= model.tensors.size() - spec.first_tensor;
  if (!there || model.tensors[spec.first_tensor].shape != Shape{outputs, inputs} ||
      (spec.bias && model.tensors[spec.first_tensor + 1].shape != Shape{outputs})) {
    return absl::InvalidArgumentError(absl::StrCat("layer ", spec.place,
                                                   " has not the tensors of a linear layer from ",
                                                   inputs, " to ", outputs, " values"));
  }
  return layer;
}

Linear::Linear(const LayerSpec& spec)
    : Layer(spec),
      parts_(static_cast<int>(
          std::clamp<int64_t>((inputs() * outputs() + kPartFloats - 1) / kPartFloats, 1,
                              std::max<int64_t>(1, outputs() / kPartOutputs)))) {}

int64_t Linear::FirstOutput(int part) const {
  if (part == parts_) return outputs();
  return outputs() * part / parts_ / kOutputUnit * kOutputUnit;
}

FloatRange Linear::FloatsOf(int part) const {
  const uint64_t row = static_cast<uint64_t>(inputs());
  const uint64_t bias = spec().bias && part == parts_ - 1 ? static_cast<uint64_t>(outputs()) : 0;
  return {static_cast<uint64_t>(FirstOutput(part)) * row,
          static_cast<uint64_t>(FirstOutput(part + 1)) * row + bias};
}

int64_t Linear::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.LinearScratch({rows, inputs(), outputs()});
}

void Linear::Forward(const ForwardCall& call) const {
  const int64_t first = FirstOutput(call.part);
  call.ops.LinearForward(
      ShapeOf(call.rows, call.part), call.input, call.tensors[0] + first * inputs(),
      spec().bias ? call.tensors[1] + first : nullptr, call.output + first, call.scratch);
}

void Linear::Backward(const BackwardCall& call) const {
  const LinearShape whole = {call.rows, inputs(), outputs()};
  if (call.part == parts_ - 1) {
    if (call.input_gradient != nullptr) {
      call.ops.LinearInputGradient(whole, call.output_gradient, call.tensors[0],
                                   call.input_gradient);
    }
    if (spec().bias) call.ops.BiasGradient(whole, call.output_gradient, call.gradients[1]);
  }
  const int64_t first = FirstOutput(call.part);
  call.ops.LinearWeightGradient(ShapeOf(call.rows, call.part), call.output_gradient + first,
                                call.input, call.gradients[0] + first * inputs());
}

}  // namespace paracord
