// y = x W^T + b. Tensors: weight [outputs, inputs], then bias [outputs] unless the layer has none.
#pragma once

#include <memory>

#include "worker/model/layer.h"

namespace paracord {

class Linear final : public Layer {
 public:
  // InvalidArgument: the tensors of the model do not have the shapes that the layer's input and
  // output ask for.
  static absl::StatusOr<std::unique_ptr<Layer>> Make(const LayerSpec& spec, const ModelSpec& model);

  explicit Linear(const LayerSpec& spec) : Layer(spec) {}
  bool reads_input() const override { return true; }
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  LinearShape ShapeOf(int64_t rows) const { return {rows, inputs(), outputs()}; }
};

}  // namespace paracord
