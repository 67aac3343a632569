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
  model->PlaceValues();
  return model;
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
