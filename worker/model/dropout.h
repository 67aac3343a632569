// Inverted dropout: while training, a value is dropped with probability `rate`, and what is kept is
// divided by 1 - rate.
//
// The mask is a function of (seed, layer, step, row in the whole batch, column), drawn again for
// the backward pass: it neither is stored nor depends on how a batch is cut. Source: Srivastava et
// al., "Dropout", JMLR 2014, section 10 (the scaled form).
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Dropout final : public Layer {
 public:
  explicit Dropout(const LayerSpec& spec) : Layer(spec) {}

  bool works_in_place() const override { return true; }
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  void Apply(const Ops& ops, const PassContext& context, int64_t rows, const float* from,
             float* to) const;
};

}  // namespace paracord
