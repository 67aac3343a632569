#include "worker/model/layer.h"

#include "common/base/status.h"
#include "worker/model/activation.h"
#include "worker/model/dropout.h"
#include "worker/model/flatten.h"
#include "worker/model/linear.h"

namespace paracord {
namespace {

// A layer without tensors computes each output from the input at the same place.
absl::Status CheckSameSize(const LayerSpec& spec) {
  if (spec.tensor_count == 0 && ShapeSize(spec.input) == ShapeSize(spec.output)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", spec.place, " turns ", ShapeSize(spec.input), " values into ",
                   ShapeSize(spec.output), " with ", spec.tensor_count,
                   " tensors; expected as many values and no tensor"));
}

template <typename L, typename... Args>
absl::StatusOr<std::unique_ptr<Layer>> MakeElementwise(const LayerSpec& spec, Args... args) {
  RETURN_IF_ERROR(CheckSameSize(spec));
  return std::make_unique<L>(spec, args...);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeLayer(const LayerSpec& spec, const ModelSpec& model) {
  switch (spec.kind) {
    case LayerKind::kLinear:
      return Linear::Make(spec, model);
    case LayerKind::kRelu:
      return MakeElementwise<ActivationLayer>(spec, Activation::kRelu);
    case LayerKind::kTanh:
      return MakeElementwise<ActivationLayer>(spec, Activation::kTanh);
    case LayerKind::kSigmoid:
      return MakeElementwise<ActivationLayer>(spec, Activation::kSigmoid);
    case LayerKind::kGelu:
      return MakeElementwise<ActivationLayer>(spec, Activation::kGelu);
    case LayerKind::kDropout:
      if (!(spec.rate >= 0 && spec.rate < 1)) {
        return absl::InvalidArgumentError(
            absl::StrCat("layer ", spec.place, ": dropout of ", spec.rate, "; expected [0, 1)"));
      }
      return MakeElementwise<Dropout>(spec);
    case LayerKind::kFlatten:
      return MakeElementwise<Flatten>(spec);
  }
  return absl::InvalidArgumentError(absl::StrCat("layer ", spec.place, " is of no known kind"));
}

}  // namespace paracord
