// ReferenceOps, the part for images: convolution, pooling, norms over channels.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

// Calls visit(y, x, w) with the places of every output, of every input that it reads, and of the
// weight between them.
template <typename Visit>
void VisitConv(const ConvShape& s, Visit visit) {
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  const int64_t taps = s.kernel_height * s.kernel_width;
  for (int64_t at = 0; at < s.rows * s.output(); ++at) {
    const int64_t oj = at % s.out_width(), oi = at / s.out_width() % s.out_height();
    const int64_t o = at / s.out_points() % s.out_channels, r = at / s.output();
    for (int64_t c = 0; c < in; ++c) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t i = oi * s.stride - s.padding + tap / s.kernel_width;
        const int64_t j = oj * s.stride - s.padding + tap % s.kernel_width;
        if (i < 0 || i >= s.height || j < 0 || j >= s.width) continue;
        const int64_t channel = o / out * in + c;
        visit(at, r * s.input() + (channel * s.height + i) * s.width + j,
              (o * in + c) * taps + tap);
      }
    }
  }
}

// Calls visit(y, x) with the places of every output and of every input in its window.
template <typename Visit>
void VisitPool(const PoolShape& s, Visit visit) {
  const int64_t points = s.out_height() * s.out_width();
  for (int64_t at = 0; at < s.rows * s.output(); ++at) {
    const int64_t top = at / s.out_width() % s.out_height() * s.stride - s.padding;
    const int64_t left = at % s.out_width() * s.stride - s.padding;
    for (int64_t i = std::max<int64_t>(top, 0); i < std::min(top + s.kernel_height, s.height);
         ++i) {
      for (int64_t j = std::max<int64_t>(left, 0); j < std::min(left + s.kernel_width, s.width);
           ++j) {
        visit(at, (at / points * s.height + i) * s.width + j);
      }
    }
  }
}

void Round(const std::vector<double>& from, float* to) {
  std::transform(from.begin(), from.end(), to, [](double v) { return static_cast<float>(v); });
}

std::vector<double> Zeros(int64_t count) { return std::vector<double>(static_cast<size_t>(count)); }

// A whole number in a float's bits.
void SetPlace(int64_t place, float* kept) {
  const auto number = static_cast<int32_t>(place);
  std::memcpy(kept, &number, sizeof(number));
}

int32_t Place(const float& kept) {
  int32_t number;
  std::memcpy(&number, &kept, sizeof(number));
  return number;
}

int64_t WindowSize(const PoolShape& s) { return s.kernel_height * s.kernel_width; }

// dx of y = (x - mean) * inverse over the values that share mean and deviation: g are the gradients
// of y, at(i) is the place of value i.
template <typename At>
void NormBack(int64_t count, At at, const float* x, double mean, double inverse,
              const std::vector<double>& g, float* dx) {
  double sum = 0, product = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += g[at(i)];
    product += g[at(i)] * (x[at(i)] - mean) * inverse;
  }
  for (int64_t i = 0; i < count; ++i) {
    const double hat = (x[at(i)] - mean) * inverse;
    const double slope = g[at(i)] - (sum + hat * product) / static_cast<double>(count);
    dx[at(i)] = static_cast<float>(slope * inverse);
  }
}

}  // namespace

int64_t ReferenceOps::ConvScratch(const ConvShape&) const { return 0; }

void ReferenceOps::ConvForward(const ConvShape& shape, const float* x, const float* weight,
                               const float* bias, float* y, float*) const {
  std::vector<double> sums = Zeros(shape.rows * shape.output());
  for (int64_t at = 0; bias != nullptr && at < shape.rows * shape.output(); ++at) {
    sums[at] = bias[at / shape.out_points() % shape.out_channels];
  }
  VisitConv(shape, [&](int64_t y_at, int64_t x_at, int64_t w_at) {
    sums[y_at] += static_cast<double>(x[x_at]) * weight[w_at];
  });
  Round(sums, y);
}

void ReferenceOps::ConvInputGradient(const ConvShape& shape, const float* dy, const float* weight,
                                     float* dx, float*) const {
  std::vector<double> sums = Zeros(shape.rows * shape.input());
  VisitConv(shape, [&](int64_t y_at, int64_t x_at, int64_t w_at) {
    sums[x_at] += static_cast<double>(dy[y_at]) * weight[w_at];
  });
  Round(sums, dx);
}

void ReferenceOps::ConvWeightGradient(const ConvShape& shape, const float* dy, const float* x,
                                      float* dweight, float*) const {
  std::vector<double> sums = Zeros(shape.weight());
  VisitConv(shape, [&](int64_t y_at, int64_t x_at, int64_t w_at) {
    sums[w_at] += static_cast<double>(dy[y_at]) * x[x_at];
  });
  Round(sums, dweight);
}

void ReferenceOps::ConvBiasGradient(const ConvShape& shape, const float* dy, float* dbias) const {
  std::vector<double> sums = Zeros(shape.out_channels);
  for (int64_t at = 0; at < shape.rows * shape.output(); ++at) {
    sums[at / shape.out_points() % shape.out_channels] += dy[at];
  }
  Round(sums, dbias);
}

void ReferenceOps::MaxPoolForward(const PoolShape& shape, const float* x, float* y,
                                  float* kept) const {
  std::vector<int64_t> best(static_cast<size_t>(shape.rows * shape.output()), -1);
  VisitPool(shape, [&](int64_t y_at, int64_t x_at) {
    int64_t& so_far = best[y_at];
    if (so_far < 0 || x[x_at] > x[so_far] || (std::isnan(x[x_at]) && !std::isnan(x[so_far]))) {
      so_far = x_at;
    }
  });
  for (int64_t at = 0; at < shape.rows * shape.output(); ++at) {
    y[at] = x[best[at]];
    SetPlace(best[at] % shape.input(), &kept[at]);
  }
}

void ReferenceOps::MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                                   float* dx) const {
  std::vector<double> sums = Zeros(shape.rows * shape.input());
  for (int64_t at = 0; at < shape.rows * shape.output(); ++at) {
    sums[at / shape.output() * shape.input() + Place(kept[at])] += dy[at];
  }
  Round(sums, dx);
}

void ReferenceOps::AvgPoolForward(const PoolShape& shape, const float* x, float* y) const {
  std::vector<double> sums = Zeros(shape.rows * shape.output());
  VisitPool(shape, [&](int64_t y_at, int64_t x_at) {
    sums[y_at] += static_cast<double>(x[x_at]) / static_cast<double>(WindowSize(shape));
  });
  Round(sums, y);
}

void ReferenceOps::AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const {
  std::vector<double> sums = Zeros(shape.rows * shape.input());
  VisitPool(shape, [&](int64_t y_at, int64_t x_at) {
    sums[x_at] += static_cast<double>(dy[y_at]) / static_cast<double>(WindowSize(shape));
  });
  Round(sums, dx);
}

void ReferenceOps::BatchNormStatistics(const ChannelShape& s, const float* x, float* mean,
                                       float* variance) const {
  const int64_t count = s.rows * s.points;
  for (int64_t c = 0; c < s.channels; ++c) {
    const auto at = [&](int64_t i) {
      return (i / s.points * s.channels + c) * s.points + i % s.points;
    };
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; ++i) sum += x[at(i)];
    const double center = count > 0 ? sum / static_cast<double>(count) : 0;
    for (int64_t i = 0; i < count; ++i) squares += (x[at(i)] - center) * (x[at(i)] - center);
    mean[c] = static_cast<float>(center);
    variance[c] = static_cast<float>(count > 0 ? squares / static_cast<double>(count) : 0);
  }
}

void ReferenceOps::BatchNormForward(const ChannelShape& s, float epsilon, const float* x,
                                    const float* mean, const float* variance, const float* gamma,
                                    const float* beta, float* y) const {
  for (int64_t at = 0; at < s.rows * s.channels * s.points; ++at) {
    const int64_t c = at / s.points % s.channels;
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    const double hat = (static_cast<double>(x[at]) - mean[c]) * inverse;
    y[at] = static_cast<float>(hat * gamma[c] + beta[c]);
  }
}

void ReferenceOps::BatchNormBackward(const ChannelShape& s, float epsilon, const float* x,
                                     const float* mean, const float* variance, const float* gamma,
                                     const float* dy, float* dx, float* dgamma,
                                     float* dbeta) const {
  std::vector<double> g = Zeros(s.rows * s.channels * s.points);
  for (int64_t c = 0; c < s.channels; ++c) {
    const auto at = [&](int64_t i) {
      return (i / s.points * s.channels + c) * s.points + i % s.points;
    };
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    double sum = 0, product = 0;
    for (int64_t i = 0; i < s.rows * s.points; ++i) {
      sum += dy[at(i)];
      product += dy[at(i)] * (static_cast<double>(x[at(i)]) - mean[c]) * inverse;
      g[at(i)] = static_cast<double>(dy[at(i)]) * gamma[c];
    }
    dgamma[c] = static_cast<float>(product);
    dbeta[c] = static_cast<float>(sum);
    NormBack(s.rows * s.points, at, x, mean[c], inverse, g, dx);
  }
}

void ReferenceOps::GroupNormForward(const ChannelShape& s, float epsilon, const float* x,
                                    const float* gamma, const float* beta, float* y,
                                    float* kept) const {
  const int64_t count = s.channels / s.groups * s.points;
  for (int64_t g = 0; g < s.rows * s.groups; ++g) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; ++i) sum += x[g * count + i];
    const double mean = sum / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) {
      squares += (x[g * count + i] - mean) * (x[g * count + i] - mean);
    }
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(count) + epsilon);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t c = (g * count + i) / s.points % s.channels;
      y[g * count + i] =
          static_cast<float>((x[g * count + i] - mean) * inverse * gamma[c] + beta[c]);
    }
    kept[2 * g] = static_cast<float>(mean);
    kept[2 * g + 1] = static_cast<float>(inverse);
  }
}

void ReferenceOps::GroupNormBackward(const ChannelShape& s, const float* x, const float* kept,
                                     const float* gamma, const float* dy, float* dx, float* dgamma,
                                     float* dbeta) const {
  const int64_t total = s.rows * s.channels * s.points, count = s.channels / s.groups * s.points;
  std::vector<double> sums = Zeros(s.channels), products = Zeros(s.channels), g = Zeros(total);
  for (int64_t at = 0; at < total; ++at) {
    const int64_t c = at / s.points % s.channels, group = at / count;
    const double hat = (static_cast<double>(x[at]) - kept[2 * group]) * kept[2 * group + 1];
    sums[c] += dy[at];
    products[c] += dy[at] * hat;
    g[at] = static_cast<double>(dy[at]) * gamma[c];
  }
  for (int64_t group = 0; group < s.rows * s.groups; ++group) {
    NormBack(
        count, [&](int64_t i) { return group * count + i; }, x, kept[2 * group],
        kept[2 * group + 1], g, dx);
  }
  Round(products, dgamma);
  Round(sums, dbeta);
}

}  // namespace paracord
