// The operations as plain loops with sums in double and libm: the twin that tests compare every
// device with.
#pragma once

#include <cstdint>

#include "worker/tensor/ops.h"

namespace paracord {

class ReferenceOps : public Ops {
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
  void RoundToBfloat16(int64_t count, const float* x, float* y) const override;
  void Clear(int64_t count, float* x) const override;
  void Copy(int64_t count, const float* x, float* y) const override;
  float Read(const float* at) const override { return *at; }
  void Add(int64_t count, const float* x, const float* y, float* out) const override;
  void AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                 float* y) const override;
  void CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                int64_t y_stride) const override;
  void Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                 float* y) const override;
  int64_t ConvScratch(const ConvShape& shape) const override;
  void ConvForward(const ConvShape& shape, const float* x, const float* weight, const float* bias,
                   float* y, float* scratch) const override;
  void ConvInputGradient(const ConvShape& shape, const float* dy, const float* weight, float* dx,
                         float* scratch) const override;
  void ConvWeightGradient(const ConvShape& shape, const float* dy, const float* x, float* dweight,
                          float* scratch) const override;
  void ConvBiasGradient(const ConvShape& shape, const float* dy, float* dbias) const override;
  void MaxPoolForward(const PoolShape& shape, const float* x, float* y, float* kept) const override;
  void MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                       float* dx) const override;
  void AvgPoolForward(const PoolShape& shape, const float* x, float* y) const override;
  void AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const override;
  void BatchNormStatistics(const ChannelShape& shape, const float* x, float* mean,
                           float* variance) const override;
  void BatchNormForward(const ChannelShape& shape, float epsilon, const float* x, const float* mean,
                        const float* variance, const float* gamma, const float* beta,
                        float* y) const override;
  void BatchNormBackward(const ChannelShape& shape, float epsilon, const float* x,
                         const float* mean, const float* variance, const float* gamma,
                         const float* dy, float* dx, float* dgamma, float* dbeta) const override;
  void GroupNormForward(const ChannelShape& shape, float epsilon, const float* x,
                        const float* gamma, const float* beta, float* y,
                        float* kept) const override;
  void GroupNormBackward(const ChannelShape& shape, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override;
  void LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                        const float* gamma, const float* beta, float* y,
                        float* kept) const override;
  void LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override;
  void RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                      const float* gamma, float* y, float* kept) const override;
  void RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                       const float* gamma, const float* dy, float* dx,
                       float* dgamma) const override;
  void EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                        float* y) const override;
  void EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                         const float* dy, float* dtable) const override;
  void Rotate(const RotaryShape& shape, const float* table, bool back, float* x) const override;
  int64_t AttentionScratch(const AttentionShape& shape) const override;
  void AttentionForward(const AttentionShape& shape, const float* qkv, float* y, float* kept,
                        float* scratch) const override;
  void AttentionBackward(const AttentionShape& shape, const float* qkv, const float* kept,
                         const float* dy, float* dqkv, float* scratch) const override;
  void SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const override;
  void SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                      float* dx) const override;
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
