// The operations as plain loops with sums in double and libm: the twin that tests compare every
// device with.
#pragma once

#include <cstdint>

#include "worker/tensor/ops.h"

namespace paracord {

class ReferenceOps final : public Ops {
 public:
  int64_t LinearScratch(const LinearShape& shape) const override;
  void LinearForward(const LinearShape& shape, const float* x, const float* weight,
                     const float* bias, float* y, float* scratch) const override;
  void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                           float* dx) const override;
  void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x,
                            float* dweight) const override;
  void BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const override;
  void ActivationForward(Activation kind, int64_t count, const float* x, float* y) const override;
  void ActivationBackward(Activation kind, int64_t count, const float* kept, const float* dy,
                          float* dx) const override;
  void Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
               float* y) const override;
  void Scale(int64_t count, float factor, float* x) const override;
  void Clear(int64_t count, float* x) const override;
  void Copy(int64_t count, const float* x, float* y) const override;
  float Read(const float* at) const override { return *at; }
  double SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                             const float* labels, const SoftmaxTarget& target, float scale,
                             float* dlogits) const override;
  double MeanSquaredError(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                          float scale, float* dlogits) const override;
  double BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                            float positive_weight, float scale, float* dlogits) const override;
  int64_t FirstBadLabel(const LabelRange& range, int64_t count, const float* labels) const override;
  double ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                   const float* labels) const override;
  double ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override;
  double SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                     const float* labels) const override;
  double SignHits(int64_t rows, int64_t outputs, const float* logits,
                  const float* labels) const override;
  double SquaredError(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override;
  void CountScores(int64_t count, const float* logits, const float* labels, int64_t bins,
                   double* counts) const override;
};

}  // namespace paracord
