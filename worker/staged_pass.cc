#include "worker/staged_pass.h"

#include <algorithm>

#include "common/base/status.h"

namespace paracord {

StagedPass::StagedPass(const Model& model, int64_t max_rows, bool adds)
    : model_(model),
      device_(model.device()),
      copies_(!device_.host_memory()),
      pass_(model, max_rows, adds) {
  if (copies_) allocated_ = Allocate(max_rows);
}

absl::Status StagedPass::Allocate(int64_t max_rows) {
  for (const TensorSpec& tensor : model_.spec().tensors) {
    ASSIGN_OR_RETURN(weights_.emplace_back(), device_.Allocate(tensor.size()));
    ASSIGN_OR_RETURN(gradients_.emplace_back(), device_.Allocate(tensor.size()));
    pass_weights_.push_back(weights_.back().data());
    pass_gradients_.push_back(gradients_.back().data());
  }
  ASSIGN_OR_RETURN(features_, device_.Allocate(max_rows * ShapeSize(model_.spec().input)));
  ASSIGN_OR_RETURN(labels_, device_.Allocate(max_rows * model_.label_width()));
  return absl::OkStatus();
}

template <typename Visit>
absl::Status StagedPass::ForEachPart(const FloatRange& floats, Visit visit) const {
  uint64_t begin = 0;  // of a tensor among the model's floats
  for (size_t i = 0; i < model_.spec().tensors.size(); ++i) {
    const uint64_t end = begin + static_cast<uint64_t>(model_.spec().tensors[i].size());
    const uint64_t first = std::max(begin, floats.begin), last = std::min(end, floats.end);
    if (first < last) {
      RETURN_IF_ERROR(visit(i, first - begin, static_cast<int64_t>(last - first)));
    }
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status StagedPass::CopyBatchIn(const Batch& batch) {
  const int64_t inputs = ShapeSize(model_.spec().input);
  if (batch.rows * inputs > features_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a batch of ", batch.rows, " rows; expected at most ",
                     features_.size() / std::max<int64_t>(1, inputs)));
  }
  RETURN_IF_ERROR(device_.CopyIn(batch.features, batch.rows * inputs, features_.data()));
  RETURN_IF_ERROR(device_.CopyIn(batch.labels, batch.rows * model_.label_width(), labels_.data()));
  batch_ = {features_.data(), labels_.data(), batch.rows};
  return absl::OkStatus();
}

absl::Status StagedPass::Forward(const Weights& weights, const Batch& batch,
                                 const PassContext& context, const FloatsHook& before_reading) {
  RETURN_IF_ERROR(allocated_);
  if (!copies_) {
    pass_weights_ = weights;
    batch_ = batch;
    return pass_.Forward(weights, batch, context, before_reading);
  }
  RETURN_IF_ERROR(CopyBatchIn(batch));
  return pass_.Forward(pass_weights_, batch_, context, [&](const FloatRange& floats) {
    if (before_reading) RETURN_IF_ERROR(before_reading(floats));
    return ForEachPart(floats, [&](size_t tensor, uint64_t first, int64_t count) {
      return device_.CopyIn(weights[tensor] + first, count, weights_[tensor].data() + first);
    });
  });
}

absl::StatusOr<double> StagedPass::Loss() { return pass_.Loss(batch_); }

std::vector<double> StagedPass::Metrics(const std::vector<MetricKind>& metrics) {
  return pass_.Metrics(batch_, metrics);
}

absl::Status StagedPass::Backward(float gradient_scale, const Gradients& gradients,
                                  const FloatsHook& when_complete, bool add) {
  if (!copies_) {
    return pass_.Backward(pass_weights_, batch_, gradient_scale, gradients, when_complete, add);
  }
  const FloatsHook copy_out = [&](const FloatRange& floats) {
    RETURN_IF_ERROR(ForEachPart(floats, [&](size_t tensor, uint64_t first, int64_t count) {
      return device_.CopyOut(gradients_[tensor].data() + first, count, gradients[tensor] + first);
    }));
    return when_complete(floats);
  };
  return pass_.Backward(pass_weights_, batch_, gradient_scale, pass_gradients_,
                        when_complete ? copy_out : FloatsHook(), add);
}

}  // namespace paracord
