#include "worker/model/linear.h"

#include "common/base/status.h"

namespace paracord {

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

int64_t Linear::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.LinearScratch(ShapeOf(rows));
}

void Linear::Forward(const ForwardCall& call) const {
  call.ops.LinearForward(ShapeOf(call.rows), call.input, call.tensors[0],
                         spec().bias ? call.tensors[1] : nullptr, call.output, call.scratch);
}

void Linear::Backward(const BackwardCall& call) const {
  const LinearShape shape = ShapeOf(call.rows);
  if (call.input_gradient != nullptr) {
    call.ops.LinearInputGradient(shape, call.output_gradient, call.tensors[0], call.input_gradient);
  }
  call.ops.LinearWeightGradient(shape, call.output_gradient, call.input, call.gradients[0]);
  if (spec().bias) call.ops.BiasGradient(shape, call.output_gradient, call.gradients[1]);
}

}  // namespace paracord
