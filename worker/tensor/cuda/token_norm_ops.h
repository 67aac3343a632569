// Operations by launching bodies, norms over the last axis: a block a row, one warp if it is
// narrow. The gradients of gamma and beta are sums of columns.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/column_sums.h"
#include "worker/tensor/cuda/row_sums.h"
#include "worker/tensor/ops.h"

namespace paracord {

template <int kThreadsOfBody>
struct LayerNormBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t width;
  float epsilon;
  const float *x, *gamma, *beta;  // beta may be null
  float *y, *kept;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float* from = x + block.x() * width;
    float* to = y + block.x() * width;
    const auto count = static_cast<float>(width);
    const float mean = BlockSum(block, width, [&](int64_t i) { return from[i]; }) / count;
    const float squares =
        BlockSum(block, width, [&](int64_t i) { return (from[i] - mean) * (from[i] - mean); });
    const float inverse = InverseRootOf(squares / count + epsilon);
    block.Each([&](int thread) {
      if (thread > 0) return;
      kept[2 * block.x()] = mean;
      kept[2 * block.x() + 1] = inverse;
    });
    BlockWrite(block, width, to, [&](int64_t i) {
      const float value = (from[i] - mean) * inverse * gamma[i];
      return beta == nullptr ? value : value + beta[i];
    });
  }
};

template <int kThreadsOfBody>
struct LayerNormBackBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t width;
  const float *x, *kept, *gamma, *dy;
  float* dx;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float *from = x + block.x() * width, *slopes = dy + block.x() * width;
    float* to = dx + block.x() * width;
    const float mean = kept[2 * block.x()], inverse = kept[2 * block.x() + 1];
    const auto count = static_cast<float>(width);
    const float plain =
        BlockSum(block, width, [&](int64_t i) { return slopes[i] * gamma[i]; }) / count;
    const float product =
        BlockSum(block, width,
                 [&](int64_t i) { return slopes[i] * gamma[i] * ((from[i] - mean) * inverse); }) /
        count;
    BlockWrite(block, width, to, [&](int64_t i) {
      const float off = (from[i] - mean) * inverse;
      return (slopes[i] * gamma[i] - plain - off * product) * inverse;
    });
  }
};

template <int kThreadsOfBody>
struct RmsNormBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t width;
  float epsilon;
  const float *x, *gamma;
  float *y, *kept;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float* from = x + block.x() * width;
    float* to = y + block.x() * width;
    const float squares = BlockSum(block, width, [&](int64_t i) { return from[i] * from[i]; });
    const float factor = InverseRootOf(squares / static_cast<float>(width) + epsilon);
    block.Each([&](int thread) {
      if (thread == 0) kept[block.x()] = factor;
    });
    BlockWrite(block, width, to, [&](int64_t i) { return from[i] * factor * gamma[i]; });
  }
};

template <int kThreadsOfBody>
struct RmsNormBackBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t width;
  const float *x, *kept, *gamma, *dy;
  float* dx;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float *from = x + block.x() * width, *slopes = dy + block.x() * width;
    float* to = dx + block.x() * width;
    const float factor = kept[block.x()];
    const float product =
        BlockSum(block, width,
                 [&](int64_t i) { return slopes[i] * gamma[i] * (from[i] * factor); }) /
        static_cast<float>(width);
    BlockWrite(block, width, to, [&](int64_t i) {
      return (slopes[i] * gamma[i] - from[i] * factor * product) * factor;
    });
  }
};

// What a row adds to dgamma and dbeta.
struct LayerNormElement {
  int64_t width;
  const float *x, *kept, *dy;
  PARACORD_HD Pair<float> operator()(int64_t row, int64_t column) const {
    const float slope = dy[row * width + column], off = x[row * width + column] - kept[2 * row];
    return {slope * (off * kept[2 * row + 1]), slope};
  }
};
struct RmsNormElement {
  int64_t width;
  const float *x, *kept, *dy;
  PARACORD_HD float operator()(int64_t row, int64_t column) const {
    return dy[row * width + column] * (x[row * width + column] * kept[row]);
  }
};
template <class Base>
class TokenNormOps : public Base {
 public:
  using Base::Base;

  void LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                        const float* gamma, const float* beta, float* y,
                        float* kept) const override {
    LaunchRows<LayerNormBody>(this->launcher(), rows, width, epsilon, x, gamma, beta, y, kept);
  }
  void LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override {
    if (rows == 0) {
      if (dbeta != nullptr) this->Clear(width, dbeta);
      return this->Clear(width, dgamma);
    }
    // First, as dx may be dy.
    SumColumns<Pair<float>>(this->launcher(), rows, width, LayerNormElement{width, x, kept, dy},
                            ToPlaces{dgamma, dbeta});
    LaunchRows<LayerNormBackBody>(this->launcher(), rows, width, x, kept, gamma, dy, dx);
  }
  void RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                      const float* gamma, float* y, float* kept) const override {
    LaunchRows<RmsNormBody>(this->launcher(), rows, width, epsilon, x, gamma, y, kept);
  }
  void RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                       const float* gamma, const float* dy, float* dx,
                       float* dgamma) const override {
    if (rows == 0) return this->Clear(width, dgamma);
    SumColumns<float>(this->launcher(), rows, width, RmsNormElement{width, x, kept, dy},
                      ToPlace{dgamma});
    LaunchRows<RmsNormBackBody>(this->launcher(), rows, width, x, kept, gamma, dy, dx);
  }
};

}  // namespace paracord
