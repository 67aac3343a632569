// relu, tanh, sigmoid, gelu (tanh approximation) and silu: one function of each value.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class ActivationLayer final : public Layer {
 public:
  ActivationLayer(const LayerSpec& spec, Activation kind) : Layer(spec), kind_(kind) {}

  // gelu and silu fall and rise, so their slopes do not follow from their values.
  bool reads_input() const override {
    return kind_ == Activation::kGelu || kind_ == Activation::kSilu;
  }
  bool reads_output() const override { return !reads_input(); }
  bool works_in_place() const override { return true; }
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  Activation kind_;
};

}  // namespace paracord
