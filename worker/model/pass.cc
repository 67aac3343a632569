#include <algorithm>
#include <limits>

#include "common/base/status.h"
#include "worker/model/metric.h"
#include "worker/model/model.h"

namespace paracord {
namespace {

constexpr size_t kMostTensors = 4;  // of one layer

// "layer 3 (conv2d)": the first that needs the buffer.
std::string OwnerOf(int buffer, const PassLayout& layout,
                    const std::vector<std::unique_ptr<Layer>>& layers) {
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const std::vector<int>* buffers :
         {&layout.forward.value, &layout.forward.kept, &layout.backward.value,
          &layout.backward.kept, &layout.gradient, &layout.source_gradient,
          &layout.second_gradient}) {
      if ((*buffers)[i] == buffer) {
        return absl::StrCat("layer ", i, " (", Name(layers[i]->spec().kind), ")");
      }
    }
  }
  return "the loss";
}

}  // namespace

Pass::Pass(const Model& model, int64_t max_rows, bool adds)
    : model_(model), ops_(model.device_.ops()), max_rows_(max_rows), may_add_(adds) {
  allocated_ = AllocateBuffers();
}

absl::Status Pass::AllocateBuffers() {
  Device& device = model_.device_;
  layout_ =
      LayOut(model_.graph_, model_.layers_, model_.again_, ops_, max_rows_, model_.loss_.outputs());
  int64_t sum = layout_.scratch;
  for (const int64_t floats : layout_.floats) sum += floats;
  for (const int64_t floats : layout_.floats) {
    absl::StatusOr<Buffer> buffer = device.Allocate(floats);
    if (!buffer.ok()) {
      return Annotate(buffer.status(), absl::StrCat("a pass over ", max_rows_, " rows takes ",
                                                    sum * sizeof(float), " bytes; at ",
                                                    OwnerOf(static_cast<int>(buffers_.size()),
                                                            layout_, model_.layers_)));
    }
    buffers_.push_back(std::move(buffer).value());
  }
  ASSIGN_OR_RETURN(scratch_, device.Allocate(layout_.scratch));
  int64_t shares = 0;
  for (const std::vector<uint32_t>& tensors : model_.tensors_of_) {
    int64_t own = 0;
    for (const uint32_t t : tensors) {
      if (may_add_ || model_.is_shared_[t]) own += model_.spec_.tensors[t].size();
    }
    shares = std::max(shares, own);
  }
  ASSIGN_OR_RETURN(shares_, device.Allocate(shares));
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

const float* Pass::Value(int value, const Batch& batch, const PassLayout::Outcome& of) const {
  return value == kModelInput ? batch.features : Place(of.value[static_cast<size_t>(value)]);
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
  const float* input = Value(model_.graph_.source(i), batch, layout_.forward);
  RETURN_IF_ERROR(layer.CheckInput(ops_, batch.rows, input, scratch_.data()));
  // A tied weight was asked for by the earlier layer.
  const bool ask = layer.spec().tensor_count > 0 && before_reading;
  if (ask && layer.parts() > 1) {  // each part may read the last tensor
    const uint32_t last = layer.spec().first_tensor + layer.spec().tensor_count - 1;
    RETURN_IF_ERROR(before_reading({model_.floats_before_[last], model_.floats_before_[last + 1]}));
  }
  for (int part = 0; part < layer.parts(); ++part) {
    if (ask) RETURN_IF_ERROR(before_reading(model_.FloatsOf(i, part)));
    ForwardPart(i, part, weights, batch, layout_.forward);
  }
  return absl::OkStatus();
}

void Pass::ForwardPart(size_t i, int part, const Weights& weights, const Batch& batch,
                       const PassLayout::Outcome& to) {
  const Layer& layer = *model_.layers_[i];
  if (layer.is_view() || batch.rows == 0) return;
  const float* tensors[kMostTensors] = {};
  for (size_t t = 0; t < model_.tensors_of_[i].size(); ++t) {
    tensors[t] = weights[model_.tensors_of_[i][t]];
  }
  layer.Forward({.ops = ops_,
                 .context = context_,
                 .part = part,
                 .rows = batch.rows,
                 .tensors = tensors,
                 .input = Value(model_.graph_.source(i), batch, to),
                 .second = Value(model_.graph_.second(i), batch, to),
                 .output = Place(to.value[i]),
                 .kept = Place(to.kept[i]),
                 .scratch = scratch_.data()});
}

absl::StatusOr<double> Pass::Loss(const Batch& batch) {
  RETURN_IF_ERROR(allocated_);
  RETURN_IF_ERROR(model_.loss_.CheckLabels(ops_, batch.rows, batch.labels));
  const double loss =
      model_.loss_.Compute(ops_, batch.rows, Value(model_.graph_.output(), batch, layout_.forward),
                           batch.labels, Place(layout_.loss_gradient));
  loss_done_ = true;
  return loss;
}

absl::Status Pass::CopyOutputs(const Batch& batch, float* to) const {
  RETURN_IF_ERROR(allocated_);
  return model_.device_.CopyOut(Value(model_.graph_.output(), batch, layout_.forward),
                                batch.rows * model_.loss_.outputs(), to);
}

std::vector<double> Pass::Metrics(const Batch& batch, const std::vector<MetricKind>& metrics) {
  PARACORD_CHECK(allocated_.ok());
  const float* logits = Value(model_.graph_.output(), batch, layout_.forward);
  return MetricSums(metrics, model_.loss_, ops_, batch.rows, logits, batch.labels);
}

absl::Status Pass::Backward(const Weights& weights, const Batch& batch, float gradient_scale,
                            const Gradients& gradients, const FloatsHook& when_complete, bool add) {
  RETURN_IF_ERROR(CheckForward(weights, batch));
  PARACORD_CHECK(loss_done_ && gradients.size() == weights.size() && (may_add_ || !add));
  loss_done_ = false;
  adds_ = add;
  ops_.Scale(batch.rows * model_.loss_.outputs(), gradient_scale, Place(layout_.loss_gradient));
  for (size_t i = model_.layers_.size(); i-- > 0;) {
    for (const size_t layer : model_.again_[i]) {
      for (int part = 0; part < model_.layers_[layer]->parts(); ++part) {
        ForwardPart(layer, part, weights, batch, layout_.backward);
      }
    }
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
// part. If the whole pass adds, all do.
void Pass::BackwardPart(size_t i, int part, const Weights& weights, const Batch& batch,
                        const Gradients& gradients) {
  const std::vector<uint32_t>& indices = model_.tensors_of_[i];
  const float* tensors[kMostTensors] = {};
  float* to[kMostTensors] = {};
  float* share = shares_.data();
  for (size_t t = 0; t < indices.size(); ++t) {
    tensors[t] = weights[indices[t]];
    const bool begins = !adds_ && model_.last_reader_[indices[t]] == i;
    to[t] = begins ? gradients[indices[t]] : share;
    if (!begins) share += model_.spec_.tensors[indices[t]].size();
  }
  model_.layers_[i]->Backward({.ops = ops_,
                               .context = context_,
                               .part = part,
                               .rows = batch.rows,
                               .tensors = tensors,
                               .input = Value(model_.graph_.source(i), batch, layout_.backward),
                               .output = Place(layout_.backward.value[i]),
                               .output_gradient = Place(layout_.gradient[i]),
                               .input_gradient = Place(layout_.source_gradient[i]),
                               .second_gradient = Place(layout_.second_gradient[i]),
                               .gradients = to,
                               .kept = Place(layout_.backward.kept[i]),
                               .scratch = scratch_.data()});
  AddShares(i, part, to, gradients);
}

// Of a part of a layer, what was not written to its place at once.
void Pass::AddShares(size_t i, int part, float* const* from, const Gradients& gradients) {
  const Layer& layer = *model_.layers_[i];
  FloatRange own = {0, std::numeric_limits<uint64_t>::max()};
  if (layer.parts() > 1) own = layer.FloatsOf(part);
  uint64_t begin = 0, end = 0;  // of a tensor among the layer's floats
  for (const uint32_t t : model_.tensors_of_[i]) {
    const float* share = *from++;
    begin = end;
    end += static_cast<uint64_t>(model_.spec_.tensors[t].size());
    const uint64_t first = std::max(begin, own.begin), last = std::min(end, own.end);
    if (share == gradients[t] || first >= last) continue;
    float* sum = gradients[t] + (first - begin);
    ops_.Add(static_cast<int64_t>(last - first), sum, share + (first - begin), sum);
  }
}

// Of a slice without rows: nothing of a gradient, its share of what stays of an average.
void Pass::SetGradientsOfNothing(size_t i, const Weights& weights, const Gradients& gradients) {
  for (const uint32_t t : model_.tensors_of_[i]) {
    const TensorSpec& tensor = model_.spec_.tensors[t];
    float* to = adds_ ? shares_.data() : gradients[t];
    if (tensor.kind == TensorKind::kAveraged) {
      ops_.Copy(tensor.size(), weights[t], to);
      ops_.Scale(tensor.size(), 1.0f / static_cast<float>(context_.slices), to);
      if (adds_) ops_.Add(tensor.size(), gradients[t], to, gradients[t]);
    } else if (!adds_) {
      ops_.Clear(tensor.size(), to);
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
