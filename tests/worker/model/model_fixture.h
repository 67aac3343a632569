// A model with weights and samples of its own.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "tests/support/float64_model.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_builder.h"
#include "worker/model/model.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {

using Floats = std::vector<float>;

inline constexpr PassContext kTraining = {true, 17, 3, 40};

class Fixture {
 public:
  Fixture(const ModelSpec& spec, uint64_t seed, int64_t rows) : rows_(rows) {
    absl::StatusOr<std::unique_ptr<Model>> model = Model::Build(spec, device_);
    REQUIRE(model.ok());
    model_ = std::move(model).value();
    for (const TensorSpec& tensor : spec.tensors) {
      const float bound = 1.5f / std::sqrt(static_cast<float>(tensor.shape.back()));
      weights_.push_back(RandomFloats(++seed, tensor.size(), bound));
      gradients_.emplace_back(weights_.back().size(), std::numeric_limits<float>::quiet_NaN());
    }
    features_ = RandomFloats(++seed, rows * ShapeSize(spec.input), 1.0f);
    for (const LayerSpec& layer : spec.layers) {
      if (layer.kind == LayerKind::kEmbedding) MakeIds(layer);
    }
    labels_ = RandomFloats(++seed, rows * model_->label_width(), 0.5f);
    const auto outputs = static_cast<float>(ShapeSize(spec.output()));
    for (float& label : labels_) {
      label += 0.5f;
      if (spec.loss == LossKind::kSoftmaxCrossEntropy) label = std::floor(label * outputs);
    }
  }

  const Model& model() const { return *model_; }
  Floats& labels() { return labels_; }
  std::vector<Floats>& weights() { return weights_; }
  const std::vector<Floats>& gradients() const { return gradients_; }

  void Destroy(const FloatRange& floats) {
    ForEach(floats, [](size_t, size_t, float& weight) { weight = 1e9f; });
  }
  void Restore(const std::vector<Floats>& weights, const FloatRange& floats) {
    ForEach(floats, [&](size_t t, size_t i, float& weight) { weight = weights[t][i]; });
  }

  Weights WeightPointers() const {
    Weights pointers;
    for (const Floats& tensor : weights_) pointers.push_back(tensor.data());
    return pointers;
  }
  Gradients GradientPointers() {
    Gradients pointers;
    for (Floats& tensor : gradients_) pointers.push_back(tensor.data());
    return pointers;
  }
  Batch Slice(int64_t first, int64_t rows) const {
    const int64_t width = ShapeSize(model_->spec().input);
    return {features_.data() + first * width, labels_.data() + first * model_->label_width(), rows};
  }
  Batch All() const { return Slice(0, rows_); }

  std::vector<Doubles> WeightsInFloat64() const {
    std::vector<Doubles> all;
    for (const Floats& tensor : weights_) all.push_back(InFloat64(tensor));
    return all;
  }
  Float64Batch BatchInFloat64(const PassContext& context) const {
    return {InFloat64(features_), InFloat64(labels_), rows_,
            context.seed,         context.step,       context.first_row};
  }

  // Forward and loss, sum over the rows.
  double Loss(Pass& pass, const Batch& batch, const PassContext& context) const {
    REQUIRE(pass.Forward(WeightPointers(), batch, context, nullptr).ok());
    absl::StatusOr<double> loss = pass.Loss(batch);
    REQUIRE(loss.ok());
    return *loss;
  }
  double LossAndGradients(Pass& pass, const Batch& batch, const PassContext& context, float scale) {
    const double loss = Loss(pass, batch, context);
    REQUIRE(pass.Backward(WeightPointers(), batch, scale, GradientPointers(), nullptr).ok());
    return loss;
  }

  // Hooks come for these floats, forward in this order and backward in the other; weights that are
  // destroyed after theirs change no gradient. Destroys the weights.
  void CheckHooks(Pass& pass, const std::vector<FloatRange>& order) {
    LossAndGradients(pass, All(), kTraining, 1.0f);
    const std::vector<Floats> expected = gradients_;
    std::vector<FloatRange> before, after;
    const auto arrives = [&before](const FloatRange& floats) {
      before.push_back(floats);
      return absl::OkStatus();
    };
    const auto leaves = [&](const FloatRange& floats) {
      after.push_back(floats);
      Destroy(floats);
      return absl::OkStatus();
    };
    REQUIRE(pass.Forward(WeightPointers(), All(), kTraining, arrives).ok());
    REQUIRE(pass.Loss(All()).ok());
    REQUIRE(pass.Backward(WeightPointers(), All(), 1.0f, GradientPointers(), leaves).ok());
    CHECK(before == order);
    CHECK(after == std::vector<FloatRange>(order.rbegin(), order.rend()));
    CHECK(after == model_->BackwardParts());
    CHECK(gradients_ == expected);
  }

 private:
  // Ids in the columns that the embedding reads; several may read the same ones.
  void MakeIds(const LayerSpec& layer) {
    const int64_t width = ShapeSize(layer.input);
    std::vector<int64_t> columns = layer.columns;
    for (int64_t c = 0; layer.columns.empty() && c < width; ++c) columns.push_back(c);
    for (size_t i = 0; i < columns.size(); ++i) {
      const bool share = layer.vocabularies.empty();
      const auto ids = static_cast<float>(share ? layer.vocabulary : layer.vocabularies[i]);
      for (int64_t r = 0; r < rows_; ++r) {
        float& id = features_[static_cast<size_t>(r * width + columns[i])];
        if (id != std::floor(id) || id < 0) id = std::floor((id + 1) / 2 * ids);
      }
    }
  }

  // Weights by their place over all tensors.
  template <class Visit>
  void ForEach(const FloatRange& floats, const Visit& visit) {
    uint64_t place = 0;
    for (size_t t = 0; t < weights_.size(); ++t) {
      for (size_t i = 0; i < weights_[t].size(); ++i, ++place) {
        if (floats.begin <= place && place < floats.end) visit(t, i, weights_[t][i]);
      }
    }
  }

  CpuDevice device_;
  int64_t rows_;
  std::unique_ptr<Model> model_;
  std::vector<Floats> weights_, gradients_;
  Floats features_, labels_;
};

inline ModelSpec Mlp(LossKind loss) {
  return ModelBuilder({4, 3})
      .Flatten()
      .Linear(9)
      .Add(LayerKind::kRelu)
      .Dropout(0.4)
      .Linear(8, false)
      .Add(LayerKind::kTanh)
      .Linear(5)
      .Loss(loss);
}

}  // namespace paracord
