// relu, tanh, sigmoid and gelu (tanh approximation): one function of each value.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class ActivationLayer final : public Layer {
 public:
  ActivationLayer(const LayerSpec& spec, Activation kind) : Layer(spec), kind_(kind) {}

  // gelu falls and rises, so its slope does not follow from its value.
  bool reads_input() const override { return kind_ == Activation::kGelu; }
  bool reads_output() const override { return kind_ != Activation::kGelu; }
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  Activation kind_;
};

}  // namespace paracord
