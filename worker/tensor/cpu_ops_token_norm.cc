// CpuOps, norms over the last axis: a row is summed in lanes; the gradients of gamma and beta are
// added in order of rows.
#include <cmath>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"

namespace paracord {
namespace {

// beta may be null.
PARACORD_VECTORIZED void LayerNormRow(int64_t width, float epsilon, const float* x,
                                      const float* gamma, const float* beta, float* y,
                                      float* kept) {
  const auto count = static_cast<float>(width);
  const float mean = LaneSum<float>(width, [x](int64_t i) { return x[i]; }) / count;
  const float squares =
      LaneSum<float>(width, [=](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  const float inverse = 1.0f / std::sqrt(squares / count + epsilon);
  kept[0] = mean;
  kept[1] = inverse;
  if (beta == nullptr) {
    PARACORD_NO_OVERLAP
    for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * inverse * gamma[i];
    return;
  }
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
}

// Adds to dgamma, and to dbeta unless it is null.
PARACORD_VECTORIZED void LayerNormRowBack(int64_t width, const float* x, const float* kept,
                                          const float* gamma, const float* dy, float* dx,
                                          float* dgamma, float* dbeta) {
  const float mean = kept[0], inverse = kept[1], count = static_cast<float>(width);
  const float plain = LaneSum<float>(width, [=](int64_t i) { return dy[i] * gamma[i]; }) / count;
  const float product =
      LaneSum<float>(width,
                     [=](int64_t i) { return dy[i] * gamma[i] * ((x[i] - mean) * inverse); }) /
      count;
  if (dbeta != nullptr) {
    for (int64_t i = 0; i < width; ++i) dbeta[i] += dy[i];
  }
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < width; ++i) {
    const float off = (x[i] - mean) * inverse, slope = dy[i];
    dgamma[i] += slope * off;
    dx[i] = (slope * gamma[i] - plain - off * product) * inverse;
  }
}

PARACORD_VECTORIZED float RmsNormRow(int64_t width, float epsilon, const float* x,
                                     const float* gamma, float* y) {
  const float squares = LaneSum<float>(width, [x](int64_t i) { return x[i] * x[i]; });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(width) + epsilon);
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < width; ++i) y[i] = x[i] * factor * gamma[i];
  return factor;
}

PARACORD_VECTORIZED void RmsNormRowBack(int64_t width, const float* x, float factor,
                                        const float* gamma, const float* dy, float* dx,
                                        float* dgamma) {
  const float product =
      LaneSum<float>(width, [=](int64_t i) { return dy[i] * gamma[i] * (x[i] * factor); }) /
      static_cast<float>(width);
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < width; ++i) {
    const float off = x[i] * factor, slope = dy[i];
    dgamma[i] += slope * off;
    dx[i] = (slope * gamma[i] - off * product) * factor;
  }
}

}  // namespace

void CpuOps::LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                              const float* gamma, const float* beta, float* y, float* kept) const {
  for (int64_t r = 0; r < rows; ++r) {
    LayerNormRow(width, epsilon, x + r * width, gamma, beta, y + r * width, kept + 2 * r);
  }
}

void CpuOps::LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                               const float* gamma, const float* dy, float* dx, float* dgamma,
                               float* dbeta) const {
  Clear(width, dgamma);
  if (dbeta != nullptr) Clear(width, dbeta);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * width;
    LayerNormRowBack(width, x + at, kept + 2 * r, gamma, dy + at, dx + at, dgamma, dbeta);
  }
}

void CpuOps::RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                            const float* gamma, float* y, float* kept) const {
  for (int64_t r = 0; r < rows; ++r) {
    kept[r] = RmsNormRow(width, epsilon, x + r * width, gamma, y + r * width);
  }
}

void CpuOps::RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                             const float* gamma, const float* dy, float* dx, float* dgamma) const {
  Clear(width, dgamma);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * width;
    RmsNormRowBack(width, x + at, kept[r], gamma, dy + at, dx + at, dgamma);
  }
}

}  // namespace paracord
