// A row of a table for each id of a sample, which are whole numbers stored as floats. Tensor:
// weight [vocabulary, width].
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Embedding final : public Layer {
 public:
  explicit Embedding(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  absl::Status CheckInput(const Ops& ops, int64_t rows, const float* input) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;
};

}  // namespace paracord
