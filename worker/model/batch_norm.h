// Each channel of a slice with mean 0 and variance 1, then times weight, plus bias. Tensors:
// weight, bias, running_mean, running_var, all [channels]; channels come first in a sample.
//
// While training the statistics are those of the slice, that is, of one virtual worker: no slice
// waits for another. The running averages are tensors whose next value is the sum of what the
// slices bring, each 1 / slices of (1 - momentum) * average + momentum * its own statistics, so
// that they are the same whoever computes a slice. Evaluation reads them. In ssp and async a share
// goes in when it comes and takes the place of as large a share of the average. As in PyTorch the
// running variance is of n - 1.
//
// Source: Ioffe, Szegedy, "Batch Normalization", ICML 2015, algorithms 1 and 2.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class BatchNorm final : public Layer {
 public:
  explicit BatchNorm(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  bool works_in_place() const override { return true; }
  // The slice's mean and variance.
  int64_t KeptFloats(const Ops& ops, int64_t rows) const override { return 2 * channels(); }
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  int64_t channels() const { return spec().input[0]; }
  ChannelShape ShapeOf(int64_t rows) const;
  // next = share of the step's next average; `statistics` is used up.
  void MoveAverage(const BackwardCall& call, const float* average, double own, float* statistics,
                   float* next) const;
};

}  // namespace paracord
