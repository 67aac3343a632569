#include "worker/model/model.h"

#include <numeric>

#include "common/base/status.h"

namespace paracord {

absl::StatusOr<std::unique_ptr<Model>> Model::Build(const ModelSpec& spec, Device& device) {
  std::unique_ptr<Model> model(new Model(spec, device));
  model->last_reader_.resize(spec.tensors.size());
  model->is_shared_.resize(spec.tensors.size());
  for (const LayerSpec& layer : model->spec_.layers) RETURN_IF_ERROR(model->AddLayer(layer));
  if (ShapeSize(spec.output()) <= 0) {
    return absl::InvalidArgumentError("the model has no outputs");
  }
  model->Finish();
  RETURN_IF_ERROR(model->loss_.Place(device));
  return model;
}

// Of the layer that comes next: that `from` is before it and gives so many values.
absl::Status Model::CheckRead(const LayerSpec& spec, int32_t from, int64_t values) const {
  if (from < kModelInput || from >= static_cast<int32_t>(layers_.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer ", spec.place, " reads layer ", from, "; expected an earlier one"));
  }
  const LayerSpec* before =
      from == kModelInput ? nullptr : &spec_.layers[static_cast<size_t>(from)];
  const int64_t given = ShapeSize(before ? before->output : spec_.input);
  if (given > 0 && values == given) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", spec.place, " expects ", values, " values and is given ", given));
}

absl::Status Model::AddLayer(const LayerSpec& spec) {
  const auto index = static_cast<int32_t>(layers_.size());
  const int64_t values = ShapeSize(spec.input);
  RETURN_IF_ERROR(CheckRead(spec, spec.source, values));
  if (ReadsTwo(spec.kind)) {
    const bool joins = spec.kind == LayerKind::kConcat;
    RETURN_IF_ERROR(CheckRead(spec, spec.second, joins ? spec.units : values));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Layer> layer, MakeLayer(spec, spec_));
  RETURN_IF_ERROR(layer->Prepare(device_));
  layers_.push_back(std::move(layer));
  std::vector<uint32_t> tensors;
  if (spec.tied != kNotTied) tensors.push_back(static_cast<uint32_t>(spec.tied));
  for (uint32_t t = 0; t < spec.tensor_count; ++t) tensors.push_back(spec.first_tensor + t);
  for (const uint32_t t : tensors) {
    is_shared_[t] = is_shared_[t] || static_cast<int32_t>(t) == spec.tied;
    last_reader_[t] = static_cast<size_t>(index);
  }
  tensors_of_.push_back(std::move(tensors));
  return absl::OkStatus();
}

void Model::Finish() {
  floats_before_ = {0};
  for (const TensorSpec& tensor : spec_.tensors) {
    floats_before_.push_back(floats_before_.back() + static_cast<uint64_t>(tensor.size()));
  }
  graph_ = LayerGraph(layers_);
  again_ = FindForwardAgain(spec_, graph_, layers_, device_.ops());
  while (first_trained_ < layers_.size() && spec_.layers[first_trained_].tensor_count == 0) {
    ++first_trained_;
  }
}

int64_t Model::PassFloats(int64_t rows) const {
  const PassLayout layout = LayOut(graph_, layers_, again_, device_.ops(), rows, loss_.outputs());
  return std::accumulate(layout.floats.begin(), layout.floats.end(), int64_t{0});
}

FloatRange Model::FloatsOf(size_t layer) const {
  const LayerSpec& spec = spec_.layers[layer];
  return {floats_before_[spec.first_tensor], floats_before_[spec.first_tensor + spec.tensor_count]};
}

FloatRange Model::FloatsOf(size_t layer, int part) const {
  const FloatRange whole = FloatsOf(layer);
  if (layers_[layer]->parts() == 1) return whole;
  const FloatRange own = layers_[layer]->FloatsOf(part);
  return {whole.begin + own.begin, whole.begin + own.end};
}

std::vector<FloatRange> Model::BackwardParts() const {
  std::vector<FloatRange> parts;
  for (size_t i = layers_.size(); i-- > 0;) {
    if (layers_[i]->spec().tensor_count == 0) continue;
    for (int done = 0; done < layers_[i]->parts(); ++done) {
      parts.push_back(FloatsOf(i, BackwardPart(i, done)));
    }
  }
  return parts;
}

// From the last to the first. But of the first layer that trains, whose weights the next step reads
// at once: the last, which has the bias, then from the first on, as that step will read them.
int Model::BackwardPart(size_t layer, int done) const {
  const int last = layers_[layer]->parts() - 1;
  if (layer != first_trained_) return last - done;
  return done == 0 ? last : done - 1;
}

}  // namespace paracord
