// A convolution of images, its kernels as high as wide. Tensors: weight [channels, input's
// channels / groups, kernel, kernel], then bias [channels] unless the layer has none.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Conv2d final : public Layer {
 public:
  Conv2d(const LayerSpec& spec, Precision precision) : Layer(spec), precision_(precision) {}

  bool reads_input() const override { return true; }
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  ConvShape ShapeOf(int64_t rows) const;
  int64_t weights() const;

  const Precision precision_;
};

}  // namespace paracord
