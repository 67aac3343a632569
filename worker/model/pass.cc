#include <algorithm>
#include <limits>

#include "common/base/status.h"
#include "worker/model/metric.h"
#include "worker/model/model.h"

namespace paracord {
namespace {

constexpr size_t kMostTensors = 4;  // of one layer

}  // namespace

Pass::Pass(const Model& model, int64_t max_rows)
    : model_(model), ops_(model.device_.ops()), max_rows_(max_rows) {
  allocated_ = AllocateBuffers();
}

absl::Status Pass::AllocateBuffers() {
  Device& device = model_.device_;
  layout_ = LayOut(model_.graph_, model_.layers_, ops_, max_rows_, model_.loss_.outputs());
  for (const int64_t floats : layout_.floats) {
    ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(floats));
    buffers_.push_back(std::move(buffer));
  }
  ASSIGN_OR_RETURN(scratch_, device.Allocate(layout_.scratch));
  int64_t shared = 0;
  for (size_t t = 0; t < model_.is_shared_.size(); ++t) {
    if (model_.is_shared_[t]) shared = std::max(shared, model_.spec_.tensors[t].size());
  }
  ASSIGN_OR_RETURN(shared_, device.Allocate(shared));
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

float* Pass::Place(int buffer) const {
  return buffer == PassLayout::kNone ? nullptr : buffers_[static_cast<size_t>(buffer)].data();
}

const float* Pass::Value(int value, const Batch& batch) const {
  return value == kModelInput ? batch.features : Place(layout_.value[static_cast<size_t>(value)]);
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
  const float* tensors[kMostTensors] = {};
  for (size_t t = 0; t < model_.tensors_of_[i].size(); ++t) {
    tensors[t] = weights[model_.tensors_of_[i][t]];
  }
  const float* input = Value(model_.graph_.source(i), batch);
  RETURN_IF_ERROR(layer.CheckInput(ops_, batch.rows, input, scratch_.data()));
  // A tied weight was asked for by the earlier layer.
  const bool ask = layer.spec().tensor_count > 0 && before_reading;
  if (ask && layer.parts() > 1) {  // each part may read the last tensor
    const uint32_t last = layer.spec().first_tensor + layer.spec().tensor_count - 1;
    RETURN_IF_ERROR(before_reading({model_.floats_before_[last], model_.floats_before_[last + 1]}));
  }
  for (int part = 0; part < layer.parts(); ++part) {
    if (ask) RETURN_IF_ERROR(before_reading(model_.FloatsOf(i, part)));
    if (layer.is_view() || batch.rows == 0) continue;
    layer.Forward({.ops = ops_,
                   .context = context_,
                   .part = part,
                   .rows = batch.rows,
                   .tensors = tensors,
                   .input = input,
                   .second = Value(model_.graph_.second(i), batch),
                   .output = Place(layout_.value[i]),
                   .kept = Place(layout_.kept[i]),
                   .scratch = scratch_.data()});
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Pass::Loss(const Batch& batch) {
  RETURN_IF_ERROR(allocated_);
  RETURN_IF_ERROR(model_.loss_.CheckLabels(ops_, batch.rows, batch.labels));
  const double loss = model_.loss_.Compute(ops_, batch.rows, Value(model_.graph_.output(), batch),
                                           batch.labels, Place(layout_.loss_gradient));
  loss_done_ = true;
  return loss;
}

std::vector<double> Pass::Metrics(const Batch& batch, const std::vector<MetricKind>& metrics) {
  PARACORD_CHECK(allocated_.ok());
  const float* logits = Value(model_.graph_.output(), batch);
  return MetricSums(metrics, model_.loss_, ops_, batch.rows, logits, batch.labels);
}

absl::Status Pass::Backward(const Weights& weights, const Batch& batch, float gradient_scale,
                            const Gradients& gradients, const FloatsHook& when_complete) {
  RETURN_IF_ERROR(CheckForward(weights, batch));
  PARACORD_CHECK(loss_done_ && gradients.size() == weights.size());
  loss_done_ = false;
  ops_.Scale(batch.rows * model_.loss_.outputs(), gradient_scale, Place(layout_.loss_gradient));
  for (size_t i = model_.layers_.size(); i-- > 0;) {
    if (!model_.graph_.goes_back(i)) continue;
    RETURN_IF_ERROR(BackwardLayer(i, weights, batch, gradients, when_complete));
  }
  return model_.device_.Finish();
}

absl::Status Pass::BackwardLayer(size_t i, const Weights& weights, const Batch& batch,
                                 const Gradients& gradients, const FloatsHook& when_complete) {
  const Layer& layer = *model_.layers_[i];
  if (batch.rows == 0) SetGradientsOfNothing(i, weights, gradients);
  for (int done = 0; done < layer.parts(); ++done) {
    const int part = model_.BackwardPart(i, done);
    if (batch.rows > 0) BackwardPart(i, part, weights, batch, gradients);
    if (layer.spec().tensor_count == 0 || !when_complete) continue;
    RETURN_IF_ERROR(model_.device_.Finish());
    RETURN_IF_ERROR(when_complete(model_.FloatsOf(i, part)));
  }
  if (batch.rows > 0) AddToSource(i, batch.rows);
  return absl::OkStatus();
}

// A tensor's gradient is begun by the last layer that reads it; the others add theirs, part by
// part.
void Pass::BackwardPart(size_t i, int part, const Weights& weights, const Batch& batch,
                        const Gradients& gradients) {
  const Layer& layer = *model_.layers_[i];
  const std::vector<uint32_t>& indices = model_.tensors_of_[i];
  const float* tensors[kMostTensors] = {};
  float* to[kMostTensors] = {};
  for (size_t t = 0; t < indices.size(); ++t) {
    tensors[t] = weights[indices[t]];
    to[t] = model_.last_reader_[indices[t]] == i ? gradients[indices[t]] : shared_.data();
  }
  layer.Backward({.ops = ops_,
                  .context = context_,
                  .part = part,
                  .rows = batch.rows,
                  .tensors = tensors,
                  .input = Value(model_.graph_.source(i), batch),
                  .output = Place(layout_.value[i]),
                  .output_gradient = Place(layout_.gradient[i]),
                  .input_gradient = Place(layout_.source_gradient[i]),
                  .second_gradient = Place(layout_.second_gradient[i]),
                  .gradients = to,
                  .kept = Place(layout_.kept[i]),
                  .scratch = scratch_.data()});
  if (indices.empty() || to[0] != shared_.data()) return;
  const auto size = static_cast<uint64_t>(model_.spec_.tensors[indices[0]].size());
  FloatRange own = {0, size};
  if (layer.parts() > 1) own = layer.FloatsOf(part);
  const auto count = static_cast<int64_t>(std::min(own.end, size) - own.begin);
  float* sum = gradients[indices[0]] + own.begin;
  ops_.Add(count, sum, to[0] + own.begin, sum);
}

// Of a slice without rows: nothing of a gradient, its share of what stays of an average.
void Pass::SetGradientsOfNothing(size_t i, const Weights& weights, const Gradients& gradients) {
  for (const uint32_t t : model_.tensors_of_[i]) {
    const TensorSpec& tensor = model_.spec_.tensors[t];
    if (tensor.kind == TensorKind::kAveraged) {
      ops_.Copy(tensor.size(), weights[t], gradients[t]);
      ops_.Scale(tensor.size(), 1.0f / static_cast<float>(context_.slices), gradients[t]);
    } else {
      ops_.Clear(tensor.size(), gradients[t]);
    }
  }
}

void Pass::AddToSource(size_t i, int64_t rows) {
  const auto add = [&](int value, int share) {
    if (!model_.graph_.needs_gradient(value)) return;
    const int whole = layout_.gradient[static_cast<size_t>(value)];
    if (share == whole) return;  // it was the first
    const int64_t count = rows * model_.layers_[static_cast<size_t>(value)]->outputs();
    ops_.Add(count, Place(whole), Place(share), Place(whole));
  };
  add(model_.graph_.source(i), layout_.source_gradient[i]);
  add(model_.graph_.second(i), layout_.second_gradient[i]);
}

}  // namespace paracord
