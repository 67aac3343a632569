#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
void CpuOps::Add(int64_t count, const float* x, const float* y, float* out) const {
  ReferenceOps().Add(count, x, y, out);
}
void CpuOps::AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                       float* y) const {
  ReferenceOps().AddToRows(rows, columns, x, row, y);
}
void CpuOps::CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                      int64_t y_stride) const {
  ReferenceOps().CopyRows(rows, columns, x, x_stride, y, y_stride);
}
void CpuOps::Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                       float* y) const {
  ReferenceOps().Transpose(rows, height, width, x, y);
}
void CpuOps::MaxPoolForward(const PoolShape& shape, const float* x, float* y, float* kept) const {
  ReferenceOps().MaxPoolForward(shape, x, y, kept);
}
void CpuOps::MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                             float* dx) const {
  ReferenceOps().MaxPoolBackward(shape, kept, dy, dx);
}
void CpuOps::AvgPoolForward(const PoolShape& shape, const float* x, float* y) const {
  ReferenceOps().AvgPoolForward(shape, x, y);
}
void CpuOps::AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const {
  ReferenceOps().AvgPoolBackward(shape, dy, dx);
}
void CpuOps::BatchNormStatistics(const ChannelShape& shape, const float* x, float* mean,
                                 float* variance) const {
  ReferenceOps().BatchNormStatistics(shape, x, mean, variance);
}
void CpuOps::BatchNormForward(const ChannelShape& shape, float epsilon, const float* x,
                              const float* mean, const float* variance, const float* gamma,
                              const float* beta, float* y) const {
  ReferenceOps().BatchNormForward(shape, epsilon, x, mean, variance, gamma, beta, y);
}
void CpuOps::BatchNormBackward(const ChannelShape& shape, float epsilon, const float* x,
                               const float* mean, const float* variance, const float* gamma,
                               const float* dy, float* dx, float* dgamma, float* dbeta) const {
  ReferenceOps().BatchNormBackward(shape, epsilon, x, mean, variance, gamma, dy, dx, dgamma, dbeta);
}
void CpuOps::GroupNormForward(const ChannelShape& shape, float epsilon, const float* x,
                              const float* gamma, const float* beta, float* y, float* kept) const {
  ReferenceOps().GroupNormForward(shape, epsilon, x, gamma, beta, y, kept);
}
void CpuOps::GroupNormBackward(const ChannelShape& shape, const float* x, const float* kept,
                               const float* gamma, const float* dy, float* dx, float* dgamma,
                               float* dbeta) const {
  ReferenceOps().GroupNormBackward(shape, x, kept, gamma, dy, dx, dgamma, dbeta);
}
void CpuOps::LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                              const float* gamma, const float* beta, float* y, float* kept) const {
  ReferenceOps().LayerNormForward(rows, width, epsilon, x, gamma, beta, y, kept);
}
void CpuOps::LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                               const float* gamma, const float* dy, float* dx, float* dgamma,
                               float* dbeta) const {
  ReferenceOps().LayerNormBackward(rows, width, x, kept, gamma, dy, dx, dgamma, dbeta);
}
void CpuOps::RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                            const float* gamma, float* y, float* kept) const {
  ReferenceOps().RmsNormForward(rows, width, epsilon, x, gamma, y, kept);
}
void CpuOps::RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                             const float* gamma, const float* dy, float* dx, float* dgamma) const {
  ReferenceOps().RmsNormBackward(rows, width, x, kept, gamma, dy, dx, dgamma);
}
void CpuOps::EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                              float* y) const {
  ReferenceOps().EmbeddingForward(count, width, ids, table, y);
}
void CpuOps::EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                               const float* dy, float* dtable) const {
  ReferenceOps().EmbeddingBackward(count, vocabulary, width, ids, dy, dtable);
}
void CpuOps::Rotate(const RotaryShape& shape, const float* table, bool back, float* x) const {
  ReferenceOps().Rotate(shape, table, back, x);
}
int64_t CpuOps::AttentionScratch(const AttentionShape& shape) const {
  return ReferenceOps().AttentionScratch(shape);
}
void CpuOps::AttentionForward(const AttentionShape& shape, const float* qkv, float* y, float* kept,
                              float* scratch) const {
  ReferenceOps().AttentionForward(shape, qkv, y, kept, scratch);
}
void CpuOps::AttentionBackward(const AttentionShape& shape, const float* qkv, const float* kept,
                               const float* dy, float* dqkv, float* scratch) const {
  ReferenceOps().AttentionBackward(shape, qkv, kept, dy, dqkv, scratch);
}
void CpuOps::SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const {
  ReferenceOps().SwigluForward(rows, columns, x, y);
}
void CpuOps::SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                            float* dx) const {
  ReferenceOps().SwigluBackward(rows, columns, x, dy, dx);
}
}  // namespace paracord
