// CpuOps, norms over channels of images: batch norm and group norm. A plane (one channel of one
// row) is summed in lanes, planes are added in order of rows, in double. Batch norm of single
// points goes over 16 channels at a time instead.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"

namespace paracord {
namespace {

// Of some values: the sum of g, and of g (x - mean).
struct Sums {
  double plain = 0, product = 0;
};

PARACORD_VECTORIZED float SumOf(int64_t count, const float* x) {
  return LaneSum<float>(count, [x](int64_t i) { return x[i]; });
}

PARACORD_VECTORIZED float SquaresAround(int64_t count, float mean, const float* x) {
  return LaneSum<float>(count, [=](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
}

PARACORD_VECTORIZED float ProductsAround(int64_t count, float mean, const float* x,
                                         const float* g) {
  return LaneSum<float>(count, [=](int64_t i) { return (x[i] - mean) * g[i]; });
}

// y = (x - mean) factor + shift.
PARACORD_VECTORIZED void Normalize(int64_t count, float mean, float factor, float shift,
                                   const float* x, float* y) {
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < count; ++i) y[i] = (x[i] - mean) * factor + shift;
}

// dx = g factor - shift - (x - mean) slope.
PARACORD_VECTORIZED void NormalizeBack(int64_t count, float mean, float factor, float shift,
                                       float slope, const float* x, const float* g, float* dx) {
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < count; ++i) dx[i] = (g[i] * factor - shift) - (x[i] - mean) * slope;
}

// x[r, j] for j < count <= kLanes channels of single points, `stride` channels in all.
PARACORD_VECTORIZED void ColumnSums(int64_t rows, int64_t stride, int64_t count, const float* x,
                                    double* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < count; ++j) sums[j] += static_cast<double>(x[r * stride + j]);
  }
}

PARACORD_VECTORIZED void ColumnProducts(int64_t rows, int64_t stride, int64_t count, const float* x,
                                        const float* mean, const float* g, const float* g_mean,
                                        double* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < count; ++j) {
      const float off = x[r * stride + j] - mean[j], other = g[r * stride + j] - g_mean[j];
      sums[j] += static_cast<double>(off) * static_cast<double>(other);
    }
  }
}

float InverseRoot(float variance, float epsilon) { return 1.0f / std::sqrt(variance + epsilon); }

PARACORD_VECTORIZED void NormalizeColumns(int64_t rows, int64_t channels, float epsilon,
                                          const float* x, const float* mean, const float* variance,
                                          const float* gamma, const float* beta, float* y) {
  for (int64_t r = 0; r < rows; ++r) {
    PARACORD_NO_OVERLAP
    for (int64_t c = 0; c < channels; ++c) {
      const float factor = (1.0f / std::sqrt(variance[c] + epsilon)) * gamma[c];
      y[r * channels + c] = (x[r * channels + c] - mean[c]) * factor + beta[c];
    }
  }
}

PARACORD_VECTORIZED void NormalizeColumnsBack(int64_t rows, int64_t channels, float epsilon,
                                              const float* x, const float* mean,
                                              const float* variance, const float* gamma,
                                              const float* dy, const float* dgamma,
                                              const float* dbeta, float* dx) {
  const auto count = static_cast<float>(rows);
  for (int64_t r = 0; r < rows; ++r) {
    PARACORD_NO_OVERLAP
    for (int64_t c = 0; c < channels; ++c) {
      const float inverse = 1.0f / std::sqrt(variance[c] + epsilon), factor = inverse * gamma[c];
      const float off = (x[r * channels + c] - mean[c]) * inverse;
      const float shared = (dbeta[c] + off * dgamma[c]) / count;
      dx[r * channels + c] = (dy[r * channels + c] - shared) * factor;
    }
  }
}

// Calls visit(first channel, how many).
template <typename Visit>
void VisitLanes(int64_t channels, Visit visit) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    visit(c, std::min<int64_t>(kLanes, channels - c));
  }
}

void PointStatistics(const ChannelShape& s, const float* x, float* mean, float* variance) {
  const auto rows = static_cast<double>(s.rows);
  VisitLanes(s.channels, [&](int64_t c, int64_t count) {
    double sums[kLanes] = {}, squares[kLanes] = {};
    ColumnSums(s.rows, s.channels, count, x + c, sums);
    for (int64_t j = 0; j < count; ++j) mean[c + j] = static_cast<float>(sums[j] / rows);
    ColumnProducts(s.rows, s.channels, count, x + c, mean + c, x + c, mean + c, squares);
    for (int64_t j = 0; j < count; ++j) variance[c + j] = static_cast<float>(squares[j] / rows);
  });
}

void PointBack(const ChannelShape& s, float epsilon, const float* x, const float* mean,
               const float* variance, const float* dy, float* dgamma, float* dbeta) {
  VisitLanes(s.channels, [&](int64_t c, int64_t count) {
    const float zeros[kLanes] = {};
    double sums[kLanes] = {}, products[kLanes] = {};
    ColumnSums(s.rows, s.channels, count, dy + c, sums);
    ColumnProducts(s.rows, s.channels, count, x + c, mean + c, dy + c, zeros, products);
    for (int64_t j = 0; j < count; ++j) {
      const auto inverse = static_cast<double>(InverseRoot(variance[c + j], epsilon));
      dgamma[c + j] = static_cast<float>(products[j] * inverse);
      dbeta[c + j] = static_cast<float>(sums[j]);
    }
  });
}

// Calls visit(first value) for each row's plane of channel c.
template <typename Visit>
void VisitPlanes(const ChannelShape& s, int64_t c, Visit visit) {
  for (int64_t r = 0; r < s.rows; ++r) visit((r * s.channels + c) * s.points);
}

}  // namespace

void CpuOps::BatchNormStatistics(const ChannelShape& s, const float* x, float* mean,
                                 float* variance) const {
  if (s.rows == 0) {
    Clear(s.channels, mean);
    return Clear(s.channels, variance);
  }
  if (s.points == 1) return PointStatistics(s, x, mean, variance);
  const auto count = static_cast<double>(s.rows * s.points);
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0, squares = 0;
    VisitPlanes(s, c, [&](int64_t at) { sum += static_cast<double>(SumOf(s.points, x + at)); });
    mean[c] = static_cast<float>(sum / count);
    VisitPlanes(s, c, [&](int64_t at) {
      squares += static_cast<double>(SquaresAround(s.points, mean[c], x + at));
    });
    variance[c] = static_cast<float>(squares / count);
  }
}

void CpuOps::BatchNormForward(const ChannelShape& s, float epsilon, const float* x,
                              const float* mean, const float* variance, const float* gamma,
                              const float* beta, float* y) const {
  if (s.points == 1) {
    return NormalizeColumns(s.rows, s.channels, epsilon, x, mean, variance, gamma, beta, y);
  }
  for (int64_t i = 0; i < s.rows * s.channels; ++i) {
    const int64_t c = i % s.channels;
    Normalize(s.points, mean[c], InverseRoot(variance[c], epsilon) * gamma[c], beta[c],
              x + i * s.points, y + i * s.points);
  }
}

void CpuOps::BatchNormBackward(const ChannelShape& s, float epsilon, const float* x,
                               const float* mean, const float* variance, const float* gamma,
                               const float* dy, float* dx, float* dgamma, float* dbeta) const {
  if (s.points == 1) {
    PointBack(s, epsilon, x, mean, variance, dy, dgamma, dbeta);
    return NormalizeColumnsBack(s.rows, s.channels, epsilon, x, mean, variance, gamma, dy, dgamma,
                                dbeta, dx);
  }
  const auto count = static_cast<double>(s.rows * s.points);
  for (int64_t c = 0; c < s.channels; ++c) {
    Sums sums;
    VisitPlanes(s, c, [&](int64_t at) {
      sums.plain += static_cast<double>(SumOf(s.points, dy + at));
      sums.product += static_cast<double>(ProductsAround(s.points, mean[c], x + at, dy + at));
    });
    const auto inverse = static_cast<double>(InverseRoot(variance[c], epsilon));
    dbeta[c] = static_cast<float>(sums.plain);
    dgamma[c] = static_cast<float>(sums.product * inverse);
    const double factor = inverse * static_cast<double>(gamma[c]);
    const auto shift = static_cast<float>(factor * sums.plain / count);
    const auto slope = static_cast<float>(factor * sums.product * inverse * inverse / count);
    VisitPlanes(s, c, [&](int64_t at) {
      NormalizeBack(s.points, mean[c], static_cast<float>(factor), shift, slope, x + at, dy + at,
                    dx + at);
    });
  }
}

void CpuOps::GroupNormForward(const ChannelShape& s, float epsilon, const float* x,
                              const float* gamma, const float* beta, float* y, float* kept) const {
  const int64_t planes = s.channels / s.groups, count = planes * s.points;
  for (int64_t g = 0; g < s.rows * s.groups; ++g) {
    const float* from = x + g * count;
    const float mean = SumOf(count, from) / static_cast<float>(count);
    const float variance = SquaresAround(count, mean, from) / static_cast<float>(count);
    kept[2 * g] = mean;
    kept[2 * g + 1] = InverseRoot(variance, epsilon);
    for (int64_t i = 0; i < planes; ++i) {
      const int64_t c = g % s.groups * planes + i;
      Normalize(s.points, mean, kept[2 * g + 1] * gamma[c], beta[c], from + i * s.points,
                y + g * count + i * s.points);
    }
  }
}

void CpuOps::GroupNormBackward(const ChannelShape& s, const float* x, const float* kept,
                               const float* gamma, const float* dy, float* dx, float* dgamma,
                               float* dbeta) const {
  const int64_t planes = s.channels / s.groups, size = planes * s.points;
  Clear(s.channels, dgamma);
  Clear(s.channels, dbeta);
  for (int64_t g = 0; g < s.rows * s.groups; ++g) {
    const float mean = kept[2 * g], inverse = kept[2 * g + 1];
    const int64_t first = g % s.groups * planes;
    Sums sums;
    for (int64_t i = 0; i < planes; ++i) {
      const int64_t at = g * size + i * s.points;
      const float plain = SumOf(s.points, dy + at);
      const float product = ProductsAround(s.points, mean, x + at, dy + at);
      sums.plain += static_cast<double>(plain * gamma[first + i]);
      sums.product += static_cast<double>(product * gamma[first + i]);
      dgamma[first + i] += product * inverse;
      dbeta[first + i] += plain;
    }
    const double share = static_cast<double>(inverse) / static_cast<double>(size);
    const auto shift = static_cast<float>(sums.plain * share);
    const auto slope = static_cast<float>(sums.product * share * static_cast<double>(inverse) *
                                          static_cast<double>(inverse));
    for (int64_t i = 0; i < planes; ++i) {
      const int64_t at = g * size + i * s.points;
      NormalizeBack(s.points, mean, inverse * gamma[first + i], shift, slope, x + at, dy + at,
                    dx + at);
    }
  }
}

}  // namespace paracord
