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

  explicit Linear(const LayerSpec& spec);
  bool reads_input() const override { return true; }
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  // Runs of outputs with about half a MiB of weights each; the bias goes with the last.
  int parts() const override { return parts_; }
  FloatRange FloatsOf(int part) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  int64_t FirstOutput(int part) const;
  LinearShape ShapeOf(int64_t rows, int part) const {
    return {rows, inputs(), FirstOutput(part + 1) - FirstOutput(part), outputs()};
  }

  const int parts_;
};

}  // namespace paracord
