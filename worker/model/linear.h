// y = x W^T + b for each row of n values of a sample: one, or one a token. Tensors: weight
// [outputs, n], its own or an earlier layer's, then bias [outputs] unless the layer has none.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Linear final : public Layer {
 public:
  Linear(const LayerSpec& spec, Precision precision);
  bool reads_input() const override { return true; }
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  // Runs of outputs with about half a MiB of weights each; the bias goes with the last. With a tied
  // weight there is one part.
  int parts() const override { return parts_; }
  FloatRange FloatsOf(int part) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  int64_t width() const { return spec().input.back(); }
  int64_t units() const { return spec().units; }
  int64_t FirstOutput(int part) const;
  LinearShape Whole(int64_t rows) const {
    return {.rows = rows * inputs() / width(),
            .inputs = width(),
            .outputs = units(),
            .bfloat16 = precision_ == Precision::kBfloat16};
  }
  LinearShape ShapeOf(int64_t rows, int part) const {
    LinearShape shape = Whole(rows);
    shape.outputs = FirstOutput(part + 1) - FirstOutput(part);
    shape.stride = units();
    return shape;
  }

  const int parts_;
  const Precision precision_;
};

}  // namespace paracord
