#include "worker/model/model.h"

#include "common/base/status.h"

namespace paracord {

absl::StatusOr<std::unique_ptr<Model>> Model::Build(const ModelSpec& spec, Device& device) {
  std::unique_ptr<Model> model(new Model(spec, device));
  int64_t width = ShapeSize(spec.input);
  for (const LayerSpec& layer_spec : model->spec_.layers) {
    if (width <= 0 || ShapeSize(layer_spec.input) != width) {
      return absl::InvalidArgumentError(absl::StrCat("layer ", layer_spec.place, " expects ",
                                                     ShapeSize(layer_spec.input),
                                                     " values and is given ", width));
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Layer> layer, MakeLayer(layer_spec, model->spec_));
    width = layer->outputs();
    model->layers_.push_back(std::move(layer));
  }
  if (width <= 0) return absl::InvalidArgumentError("the model has no outputs");
  model->floats_before_ = {0};
  for (const TensorSpec& tensor : spec.tensors) {
    model->floats_before_.push_back(model->floats_before_.back() +
                                    static_cast<uint64_t>(tensor.size()));
  }
  model->PlaceValues();
  RETURN_IF_ERROR(model->loss_.Place(device));
  return model;
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

void Model::PlaceValues() {
  int current = kFeatures;
  bool kept = true;  // somebody still reads what is at `current`
  for (const std::unique_ptr<Layer>& layer : layers_) {
    if (!layer->is_view()) {
      const bool in_place = !kept && !layer->reads_input() && layer->inputs() == layer->outputs();
      if (!in_place) {
        current = static_cast<int>(widths_.size());
        widths_.push_back(layer->outputs());
      }
      kept = layer->reads_output();
    }
    place_.push_back(current);
  }
  first_trained_ = 0;
  while (first_trained_ < layers_.size() && spec_.layers[first_trained_].tensor_count == 0) {
    ++first_trained_;
  }
}

}  // namespace paracord
