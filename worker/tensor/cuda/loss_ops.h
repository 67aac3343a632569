// Operations by launching bodies, what ends a pass: losses, and metrics that are sums of losses.
#pragma once

#include <cstdint>
#include <limits>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/reductions.h"
#include "worker/tensor/cuda/row_sums.h"
#include "worker/tensor/cuda/softmax.h"
#include "worker/tensor/ops.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

PARACORD_HD inline bool IsClass(float label, int64_t outputs) {
  return label >= 0.0f && label < static_cast<float>(outputs);
}

// A block has a row: softmax, loss and slopes in one kernel. `dlogits` may be null; a bad label
// makes the loss NaN.
template <int kThreadsOfBody>
struct SoftmaxLossBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t outputs;
  const float *logits, *labels;
  SoftmaxTarget target;
  float scale;
  float* dlogits;
  double* losses;  // [rows]

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float* x = logits + block.x() * outputs;
    const bool good = IsClass(labels[block.x()], outputs);
    const int64_t label = good ? static_cast<int64_t>(labels[block.x()]) : 0;
    const float rest = target.smoothing / static_cast<float>(outputs);
    const float weight = target.weights == nullptr ? 1.0f : target.weights[label];
    const SoftmaxSum soft = BlockSoftmax(block, outputs, x);
    const float loss = Log(soft.sum) - Kept(block, soft.largest, x, label, rest);
    if (dlogits != nullptr) {
      float* to = dlogits + block.x() * outputs;
      BlockWrite(block, outputs, to, [&](int64_t i) {
        const float own = i == label ? 1.0f - target.smoothing + rest : rest;
        return (Exp(x[i] - soft.largest) / soft.sum - own) * (weight * scale);
      });
    }
    block.Each([&](int thread) {
      if (thread > 0) return;
      losses[block.x()] = good ? static_cast<double>(weight) * static_cast<double>(loss)
                               : std::numeric_limits<double>::quiet_NaN();
    });
  }

  // What the target gives of the logits below the largest.
  template <class Block>
  PARACORD_HD float Kept(Block& block, float largest, const float* x, int64_t label,
                         float rest) const {
    const float below = x[label] - largest;
    if (!(target.smoothing > 0.0f)) return below;
    const float all = BlockSum(block, outputs, [&](int64_t i) { return x[i] - largest; });
    return (1.0f - target.smoothing) * below + rest * all;
  }
};

// Elements of SumAll; those with slopes write them.
struct SquaredElement {
  const float *logits, *labels;
  float factor;
  float* dlogits;  // may be null
  PARACORD_HD double operator()(int64_t i) const {
    if (dlogits != nullptr) dlogits[i] = (logits[i] - labels[i]) * factor;
    const double error = static_cast<double>(logits[i]) - static_cast<double>(labels[i]);
    return error * error;
  }
};

// -t log s - (1 - t) log(1 - s) = max(x, 0) - x t + log(1 + e^-|x|), which neither overflows nor
// cancels.
struct LogisticElement {
  const float *logits, *labels;
  float factor;
  float* dlogits;  // may be null
  PARACORD_HD double operator()(int64_t i) const {
    const float x = logits[i], label = labels[i];
    if (dlogits != nullptr) dlogits[i] = (Sigmoid(x) - label) * factor;
    const float soft = Log(1.0f + Exp(x < 0.0f ? x : -x));
    return static_cast<double>((x < 0.0f ? 0.0f : x) - x * label + soft);
  }
};

// The same with w t in place of t, but not in 1 - t.
struct WeightedLogisticElement {
  const float *logits, *labels;
  float weight, factor;
  float* dlogits;
  PARACORD_HD double operator()(int64_t i) const {
    const float x = logits[i], positive = weight * labels[i], negative = 1.0f - labels[i];
    dlogits[i] = (Sigmoid(x) * negative - Sigmoid(-x) * positive) * factor;
    const float soft = Log(1.0f + Exp(x < 0.0f ? x : -x));
    const float far = x < 0.0f ? -x * positive : x * negative;
    return static_cast<double>(far + (negative + positive) * soft);
  }
};

template <class Base>
class LossOps : public Base {
 public:
  using Base::Base;

  double SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                             const float* labels, const SoftmaxTarget& target, float scale,
                             float* dlogits) const override {
    auto losses = this->launcher().template Scratch<double>(rows);
    LaunchRows<SoftmaxLossBody>(this->launcher(), rows, outputs, logits, labels, target, scale,
                                dlogits, losses.data());
    return SumAll(this->launcher(), rows, Stored<double>{losses.data()});
  }
  double ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override {
    return SoftmaxCrossEntropy(rows, outputs, logits, labels, SoftmaxTarget(), 1, nullptr);
  }
  double MeanSquaredError(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                          float scale, float* dlogits) const override {
    const float factor = 2.0f * scale / static_cast<float>(outputs);
    return MeanOf(rows, outputs, SquaredElement{logits, labels, factor, dlogits});
  }
  double SquaredError(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override {
    return MeanOf(rows, outputs, SquaredElement{logits, labels, 0, nullptr});
  }
  double BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                            float positive_weight, float scale, float* dlogits) const override {
    const float factor = scale / static_cast<float>(outputs);
    if (positive_weight != 1.0f) {
      return MeanOf(rows, outputs,
                    WeightedLogisticElement{logits, labels, positive_weight, factor, dlogits});
    }
    return MeanOf(rows, outputs, LogisticElement{logits, labels, factor, dlogits});
  }
  double SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                     const float* labels) const override {
    return MeanOf(rows, outputs, LogisticElement{logits, labels, 0, nullptr});
  }

 private:
  template <class Element>
  double MeanOf(int64_t rows, int64_t outputs, Element element) const {
    return SumAll(this->launcher(), rows * outputs, element) / static_cast<double>(outputs);
  }
};

}  // namespace paracord
