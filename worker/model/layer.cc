#include "worker/model/layer.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/job/connect_layer.h"
#include "worker/model/activation.h"
#include "worker/model/add.h"
#include "worker/model/attention.h"
#include "worker/model/batch_norm.h"
#include "worker/model/columns.h"
#include "worker/model/concat.h"
#include "worker/model/conv2d.h"
#include "worker/model/dropout.h"
#include "worker/model/embedding.h"
#include "worker/model/flatten.h"
#include "worker/model/linear.h"
#include "worker/model/norm.h"
#include "worker/model/pool.h"
#include "worker/model/positions.h"
#include "worker/model/swiglu.h"
#include "worker/model/transpose.h"

namespace paracord {
namespace {

absl::Status Contradiction(const LayerSpec& spec, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", spec.place, ", ", Name(spec.kind), ": ", what));
}

bool HasTensors(const LayerSpec& spec, const ModelSpec& model,
                const std::vector<TensorSpec>& wanted) {
  if (spec.tensor_count != wanted.size() || spec.first_tensor > model.tensors.size() ||
      wanted.size() > model.tensors.size() - spec.first_tensor) {
    return false;
  }
  for (size_t t = 0; t < wanted.size(); ++t) {
    const TensorSpec& there = model.tensors[spec.first_tensor + t];
    if (there.shape != wanted[t].shape || there.kind != wanted[t].kind) return false;
  }
  return true;
}

// Whether the spec is what its settings and its input make of it.
absl::Status CheckSpec(const LayerSpec& spec, const ModelSpec& model) {
  if (spec.input.empty()) return Contradiction(spec, "found samples without a shape");
  LayerSpec connected = spec;
  std::vector<TensorSpec> tensors;
  const std::string wrong = ConnectLayer(&connected, &tensors);
  if (!wrong.empty()) return Contradiction(spec, wrong);
  if (connected.output != spec.output) {
    return Contradiction(spec, absl::StrCat("found an output of ", ShapeString(spec.output),
                                            "; expected ", ShapeString(connected.output)));
  }
  if (!HasTensors(spec, model, tensors)) {
    return Contradiction(spec, absl::StrCat("found other tensors than the ", tensors.size(),
                                            " that its shapes ask for"));
  }
  if (spec.kind == LayerKind::kDropout && !(spec.rate >= 0 && spec.rate < 1)) {
    return Contradiction(spec, absl::StrCat("found a rate of ", spec.rate, "; expected [0, 1)"));
  }
  if (spec.tied == kNotTied) return absl::OkStatus();
  const bool fits =
      spec.kind == LayerKind::kLinear && spec.tied >= 0 &&
      static_cast<uint32_t>(spec.tied) < spec.first_tensor &&
      model.tensors[static_cast<size_t>(spec.tied)].shape == Shape{spec.units, spec.input.back()};
  return fits ? absl::OkStatus() : Contradiction(spec, "found a tied weight that is none of it");
}

std::unique_ptr<Layer> NewLayer(const LayerSpec& spec, Precision precision) {
  switch (spec.kind) {
    case LayerKind::kLinear:
      return std::make_unique<Linear>(spec, precision);
    case LayerKind::kConv2d:
      return std::make_unique<Conv2d>(spec, precision);
    case LayerKind::kMaxPool:
      return std::make_unique<MaxPool>(spec);
    case LayerKind::kAvgPool:
    case LayerKind::kGlobalAvgPool:
      return std::make_unique<AvgPool>(spec);
    case LayerKind::kBatchNorm:
      return std::make_unique<BatchNorm>(spec);
    case LayerKind::kGroupNorm:
      return std::make_unique<GroupNorm>(spec);
    case LayerKind::kLayerNorm:
      return std::make_unique<LayerNorm>(spec);
    case LayerKind::kRmsNorm:
      return std::make_unique<RmsNorm>(spec);
    case LayerKind::kEmbedding:
      return std::make_unique<Embedding>(spec);
    case LayerKind::kPositions:
      return std::make_unique<Positions>(spec);
    case LayerKind::kAttention:
      return std::make_unique<Attention>(spec);
    case LayerKind::kRotary:
      return std::make_unique<Rotary>(spec);
    case LayerKind::kRelu:
      return std::make_unique<ActivationLayer>(spec, Activation::kRelu);
    case LayerKind::kTanh:
      return std::make_unique<ActivationLayer>(spec, Activation::kTanh);
    case LayerKind::kSigmoid:
      return std::make_unique<ActivationLayer>(spec, Activation::kSigmoid);
    case LayerKind::kGelu:
      return std::make_unique<ActivationLayer>(spec, Activation::kGelu);
    case LayerKind::kSilu:
      return std::make_unique<ActivationLayer>(spec, Activation::kSilu);
    case LayerKind::kSwiglu:
      return std::make_unique<Swiglu>(spec);
    case LayerKind::kDropout:
      return std::make_unique<Dropout>(spec);
    case LayerKind::kFlatten:
      return std::make_unique<Flatten>(spec);
    case LayerKind::kTranspose:
      return std::make_unique<Transpose>(spec);
    case LayerKind::kColumns:
      return std::make_unique<Columns>(spec);
    case LayerKind::kConcat:
      return std::make_unique<Concat>(spec);
    case LayerKind::kAdd:
      return std::make_unique<Add>(spec);
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeLayer(const LayerSpec& spec, const ModelSpec& model) {
  RETURN_IF_ERROR(CheckSpec(spec, model));
  std::unique_ptr<Layer> layer = NewLayer(spec, model.precision);
  if (layer == nullptr) return Contradiction(spec, "found a layer of no known kind");
  return layer;
}

}  // namespace paracord
