// The largest value, or the mean, of each window of each channel; a global pool has one window, all
// of the channel.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class MaxPool final : public Layer {
 public:
  explicit MaxPool(const LayerSpec& spec) : Layer(spec) {}

  int64_t KeptFloats(const Ops& ops, int64_t rows) const override { return rows * outputs(); }
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;
};

class AvgPool final : public Layer {
 public:
  explicit AvgPool(const LayerSpec& spec) : Layer(spec) {}

  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  PoolShape ShapeOf(int64_t rows) const;
};

}  // namespace paracord
