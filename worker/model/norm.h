// Norms of one sample, or of one token: group norm over the channels of a group and all their
// points, layer norm and rms norm over the last axis. Tensors: weight, then bias, unless the layer
// has none; rms norm has none.
//
// Source: Wu, He, "Group Normalization", ECCV 2018; Ba et al., "Layer Normalization", 2016; Zhang,
// Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class GroupNorm final : public Layer {
 public:
  explicit GroupNorm(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  bool works_in_place() const override { return true; }
  int64_t KeptFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  ChannelShape ShapeOf(int64_t rows) const;
};

class LayerNorm final : public Layer {
 public:
  explicit LayerNorm(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  bool works_in_place() const override { return true; }
  int64_t KeptFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  int64_t width() const { return spec().input.back(); }
};

class RmsNorm final : public Layer {
 public:
  explicit RmsNorm(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  bool works_in_place() const override { return true; }
  int64_t KeptFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  int64_t width() const { return spec().input.back(); }
};

}  // namespace paracord
