// A pass over a model in which nothing is shared: each value, each gradient and each share of one
// has memory of its own, and nothing works in place. What Pass must equal bit for bit.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "worker/model/layer.h"
#include "worker/model/loss.h"
#include "worker/model/model.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {

class PlainPass {
 public:
  using Floats = std::vector<float>;

  explicit PlainPass(const ModelSpec& spec) : spec_(spec), loss_(spec) {
    for (const LayerSpec& layer : spec_.layers) {
      layers_.push_back(MakeLayer(layer, spec_).value());
      layers_.back()->Prepare(device_).IgnoreError();
    }
  }

  // Returns the loss; gradients of loss * scale, a tensor each. `add`: to those that are there.
  double Run(const Weights& weights, const Batch& batch, const PassContext& context, float scale,
             std::vector<Floats>* gradients, bool add = false) {
    const size_t count = layers_.size();
    rows_ = batch.rows;
    values_.assign(count, {});
    value_gradients_.assign(count, {});
    kept_.assign(count, {});
    for (size_t i = 0; i < count; ++i) Forward(i, weights, batch, context);
    Floats top = Fresh(rows_ * ShapeSize(spec_.output()));
    const double loss =
        loss_.Compute(device_.ops(), rows_, values_.back().data(), batch.labels, top.data());
    for (float& value : top) value *= scale;
    value_gradients_.back() = top;
    if (!add) gradients->clear();
    for (const TensorSpec& tensor : spec_.tensors) {
      if (!add) gradients->push_back(Fresh(tensor.size()));
    }
    written_.assign(spec_.tensors.size(), add);
    for (size_t i = count; i-- > 0;) Backward(i, weights, batch, context, gradients);
    return loss;
  }

 private:
  static Floats Fresh(int64_t count) {
    return Floats(static_cast<size_t>(count), std::numeric_limits<float>::quiet_NaN());
  }
  const float* Value(int32_t layer, const Batch& batch) const {
    return layer < 0 ? batch.features : values_[static_cast<size_t>(layer)].data();
  }
  std::vector<uint32_t> TensorsOf(const LayerSpec& layer) const {
    std::vector<uint32_t> tensors;
    if (layer.tied != kNotTied) tensors.push_back(static_cast<uint32_t>(layer.tied));
    for (uint32_t t = 0; t < layer.tensor_count; ++t) tensors.push_back(layer.first_tensor + t);
    return tensors;
  }

  void Forward(size_t i, const Weights& weights, const Batch& batch, const PassContext& context) {
    const Layer& layer = *layers_[i];
    const float* input = Value(layer.spec().source, batch);
    values_[i] = Fresh(rows_ * layer.outputs());
    if (layer.is_view()) {
      values_[i].assign(input, input + rows_ * layer.outputs());
      return;
    }
    kept_[i] = Fresh(layer.KeptFloats(device_.ops(), rows_));
    Floats scratch = Fresh(layer.ScratchFloats(device_.ops(), rows_));
    std::vector<const float*> tensors;
    for (const uint32_t t : TensorsOf(layer.spec())) tensors.push_back(weights[t]);
    for (int part = 0; part < layer.parts(); ++part) {
      layer.Forward({.ops = device_.ops(),
                     .context = context,
                     .part = part,
                     .rows = rows_,
                     .tensors = tensors.data(),
                     .input = input,
                     .second = Value(layer.spec().second, batch),
                     .output = values_[i].data(),
                     .kept = kept_[i].data(),
                     .scratch = scratch.data()});
    }
  }

  // What one layer brings is added to what later ones have brought.
  void Bring(int32_t layer, const Floats& share) {
    if (layer < 0) return;
    Floats& whole = value_gradients_[static_cast<size_t>(layer)];
    if (whole.empty()) {
      whole = share;
      return;
    }
    for (size_t k = 0; k < whole.size(); ++k) whole[k] += share[k];
  }

  void Backward(size_t i, const Weights& weights, const Batch& batch, const PassContext& context,
                std::vector<Floats>* gradients) {
    const Layer& layer = *layers_[i];
    const LayerSpec& spec = layer.spec();
    if (layer.is_view()) return Bring(spec.source, value_gradients_[i]);
    Floats source = Fresh(rows_ * layer.inputs()), second = source;
    if (spec.kind == LayerKind::kConcat) second = Fresh(rows_ * spec.units);
    Floats scratch = Fresh(layer.ScratchFloats(device_.ops(), rows_));
    std::vector<const float*> tensors;
    std::vector<Floats> shares;
    for (const uint32_t t : TensorsOf(spec)) {
      tensors.push_back(weights[t]);
      shares.push_back(Fresh(spec_.tensors[t].size()));
    }
    std::vector<float*> to;
    for (Floats& share : shares) to.push_back(share.data());
    for (int part = layer.parts(); part-- > 0;) {
      layer.Backward({.ops = device_.ops(),
                      .context = context,
                      .part = part,
                      .rows = rows_,
                      .tensors = tensors.data(),
                      .input = Value(spec.source, batch),
                      .output = values_[i].data(),
                      .output_gradient = value_gradients_[i].data(),
                      .input_gradient = source.data(),
                      .second_gradient = second.data(),
                      .gradients = to.data(),
                      .kept = kept_[i].data(),
                      .scratch = scratch.data()});
    }
    Bring(spec.source, source);
    if (ReadsTwo(spec.kind)) Bring(spec.second, second);
    for (size_t t = 0; t < shares.size(); ++t) {
      const uint32_t tensor = TensorsOf(spec)[t];
      for (size_t k = 0; k < shares[t].size(); ++k) {
        float& sum = (*gradients)[tensor][k];
        sum = written_[tensor] ? sum + shares[t][k] : shares[t][k];
      }
      written_[tensor] = true;
    }
  }

  ModelSpec spec_;
  Loss loss_;
  CpuDevice device_;
  std::vector<std::unique_ptr<Layer>> layers_;
  int64_t rows_ = 0;
  std::vector<Floats> values_, value_gradients_, kept_;  // by layer
  std::vector<bool> written_;
};

}  // namespace paracord
