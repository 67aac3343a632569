#include <algorithm>

#include "common/base/status.h"
#include "worker/model/metric.h"
#include "worker/model/model.h"

namespace paracord {

Pass::Pass(const Model& model, int64_t max_rows)
    : model_(model), ops_(model.device_.ops()), max_rows_(max_rows) {
  allocated_ = AllocateBuffers();
}

absl::Status Pass::AllocateBuffers() {
  Device& device = model_.device_;
  for (int64_t width : model_.widths_) {
    ASSIGN_OR_RETURN(Buffer values, device.Allocate(max_rows_ * width));
    values_.push_back(std::move(values));
  }
  int64_t widest = ShapeSize(model_.spec_.output());
  int64_t scratch = 0;
  for (size_t i = 0; i < model_.layers_.size(); ++i) {
    const Layer& layer = *model_.layers_[i];
    scratch = std::max(scratch, layer.ScratchFloats(ops_, max_rows_));
    if (i >= model_.first_trained_) widest = std::max(widest, layer.outputs());
  }
  for (Buffer& gradient : gradients_) {
    ASSIGN_OR_RETURN(gradient, device.Allocate(max_rows_ * widest));
  }
  ASSIGN_OR_RETURN(scratch_, device.Allocate(scratch));
  return absl::OkStatus();
}

absl::Status Pass::CheckForward(const Weights& weights, const Batch& batch) const {
  RETURN_IF_ERROR(allocated_);
  if (weights.size() != model_.spec_.tensors.size() || batch.rows < 0 || batch.rows > max_rows_) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pass of at most ", max_rows_, " rows over ", model_.spec_.tensors.size(),
                     " tensors is given ", batch.rows, " rows and ", weights.size(), " tensors"));
  }
  return absl::OkStatus();
}

const float* Pass::Output(size_t layer, const Batch& batch) const {
  const int place = model_.place_[layer];
  return place == Model::kFeatures ? batch.features : values_[static_cast<size_t>(place)].data();
}

const float* Pass::Input(size_t layer, const Batch& batch) const {
  return layer == 0 ? batch.features : Output(layer - 1, batch);
}

absl::Status Pass::Forward(const Weights& weights, const Batch& batch, const PassContext& context,
                           const FloatsHook& before_reading) {
  RETURN_IF_ERROR(CheckForward(weights, batch));
  context_ = context;
  loss_done_ = false;
  for (size_t i = 0; i < model_.layers_.size(); ++i) {
    RETURN_IF_ERROR(ForwardLayer(i, weights, batch, before_reading));
  }
  return model_.device_.Finish();
}

absl::Status Pass::ForwardLayer(size_t i, const Weights& weights, const Batch& batch,
                                const FloatsHook& before_reading) {
  const Layer& layer = *model_.layers_[i];
  const bool ask = layer.spec().tensor_count > 0 && before_reading;
  if (ask && layer.parts() > 1) {  // each part may read the last tensor
    const uint32_t last = layer.spec().first_tensor + layer.spec().tensor_count - 1;
    RETURN_IF_ERROR(before_reading({model_.floats_before_[last], model_.floats_before_[last + 1]}));
  }
  for (int part = 0; part < layer.parts(); ++part) {
    if (ask) RETURN_IF_ERROR(before_reading(model_.FloatsOf(i, part)));
    if (layer.is_view() || batch.rows == 0) continue;
    layer.Forward({ops_, context_, part, batch.rows, weights.data() + layer.spec().first_tensor,
                   Input(i, batch), values_[static_cast<size_t>(model_.place_[i])].data(),
                   scratch_.data()});
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Pass::Loss(const Batch& batch) {
  RETURN_IF_ERROR(allocated_);
  RETURN_IF_ERROR(model_.loss_.CheckLabels(ops_, batch.rows, batch.labels));
  const float* logits =
      model_.layers_.empty() ? batch.features : Output(model_.layers_.size() - 1, batch);
  const double loss =
      model_.loss_.Compute(ops_, batch.rows, logits, batch.labels, gradients_[0].data());
  loss_done_ = true;
  return loss;
}

std::vector<double> Pass::Metrics(const Batch& batch, const std::vector<MetricKind>& metrics) {
  PARACORD_CHECK(allocated_.ok());
  const float* logits =
      model_.layers_.empty() ? batch.features : Output(model_.layers_.size() - 1, batch);
  return MetricSums(metrics, model_.loss_, ops_, batch.rows, logits, batch.labels);
}

absl::Status Pass::Backward(const Weights& weights, const Batch& batch, float gradient_scale,
                            const Gradients& gradients, const FloatsHook& when_complete) {
  RETURN_IF_ERROR(CheckForward(weights, batch));
  PARACORD_CHECK(loss_done_ && gradients.size() == weights.size());
  loss_done_ = false;
  float* gradient = gradients_[0].data();
  ops_.Scale(batch.rows * model_.loss_.outputs(), gradient_scale, gradient);
  for (size_t i = model_.layers_.size(); i-- > model_.first_trained_;) {
    ASSIGN_OR_RETURN(gradient,
                     BackwardLayer(i, weights, batch, gradients, gradient, when_complete));
  }
  return model_.device_.Finish();
}

// Returns the gradient of the layer's input; null for the first layer with tensors.
absl::StatusOr<float*> Pass::BackwardLayer(size_t i, const Weights& weights, const Batch& batch,
                                           const Gradients& gradients, float* output_gradient,
                                           const FloatsHook& when_complete) {
  const Layer& layer = *model_.layers_[i];
  const LayerSpec& spec = layer.spec();
  if (layer.is_view()) return output_gradient;
  float* input_gradient = output_gradient;
  if (spec.tensor_count > 0) {
    float* other = gradients_[output_gradient == gradients_[0].data() ? 1 : 0].data();
    input_gradient = i > model_.first_trained_ ? other : nullptr;
  }
  if (batch.rows == 0) {
    for (uint32_t t = spec.first_tensor; t < spec.first_tensor + spec.tensor_count; ++t) {
      ops_.Clear(model_.spec_.tensors[t].size(), gradients[t]);
    }
  }
  for (int done = 0; done < layer.parts(); ++done) {
    const int part = model_.BackwardPart(i, done);
    if (batch.rows > 0) {
      layer.Backward({ops_, context_, part, batch.rows, weights.data() + spec.first_tensor,
                      Input(i, batch), Output(i, batch), output_gradient, input_gradient,
                      gradients.data() + spec.first_tensor});
    }
    if (spec.tensor_count == 0 || !when_complete) continue;
    RETURN_IF_ERROR(model_.device_.Finish());
    RETURN_IF_ERROR(when_complete(model_.FloatsOf(i, part)));
  }
  return input_gradient;
}

}  // namespace paracord
