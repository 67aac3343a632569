// Model specs for tests, built by hand: layers one after another, shapes and tensors worked out.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/job/model_spec.h"

namespace paracord {

class ModelBuilder {
 public:
  explicit ModelBuilder(Shape input) { spec_.input = std::move(input); }

  ModelBuilder& Linear(int64_t units, bool bias = true) {
    LayerSpec layer = Next(LayerKind::kLinear, {units});
    layer.units = units;
    layer.bias = bias;
    layer.tensor_count = bias ? 2 : 1;
    const std::string name = std::to_string(layer.place);
    AddTensor(name + ".weight", {units, ShapeSize(layer.input)});
    if (bias) AddTensor(name + ".bias", {units});
    spec_.layers.push_back(layer);
    return *this;
  }
  ModelBuilder& Add(LayerKind kind) {
    spec_.layers.push_back(Next(kind, spec_.output()));
    return *this;
  }
  ModelBuilder& Flatten() {
    spec_.layers.push_back(Next(LayerKind::kFlatten, {ShapeSize(spec_.output())}));
    return *this;
  }
  ModelBuilder& Dropout(double rate) {
    Add(LayerKind::kDropout);
    spec_.layers.back().rate = rate;
    return *this;
  }
  ModelSpec Loss(LossKind loss) {
    spec_.loss = loss;
    return spec_;
  }

 private:
  LayerSpec Next(LayerKind kind, Shape output) const {
    LayerSpec layer;
    layer.kind = kind;
    layer.input = spec_.output();
    layer.output = std::move(output);
    layer.place = static_cast<uint32_t>(spec_.layers.size());
    layer.source = static_cast<int32_t>(layer.place) - 1;
    layer.first_tensor = static_cast<uint32_t>(spec_.tensors.size());
    return layer;
  }
  void AddTensor(std::string name, Shape shape) {
    TensorSpec tensor;
    tensor.name = std::move(name);
    tensor.shape = std::move(shape);
    spec_.tensors.push_back(tensor);
  }

  ModelSpec spec_;
};

// `count` values in [-bound, bound), the same for the same seed.
inline std::vector<float> RandomFloats(uint64_t seed, int64_t count, float bound) {
  std::mt19937_64 random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    value = (static_cast<float>(random() >> 40) * 0x1p-23f - 1.0f) * bound;
  }
  return values;
}

}  // namespace paracord
