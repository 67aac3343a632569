#include "worker/tensor/reference_ops.h"

#include <algorithm>
#include <cmath>

#include "common/base/philox.h"

namespace paracord {
namespace {

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double GeluInner(double x) { return std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x); }

double GeluSlope(double x) {
  const double t = std::tanh(GeluInner(x));
  const double inner_slope = std::sqrt(2.0 / M_PI) * (1.0 + 3 * 0.044715 * x * x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner_slope;
}

double Activate(Activation kind, double x) {
  switch (kind) {
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return Logistic(x);
    case Activation::kGelu:
      return 0.5 * x * (1.0 + std::tanh(GeluInner(x)));
    case Activation::kSilu:
      return x * Logistic(x);
  }
  return x;
}

double Slope(Activation kind, double kept) {
  switch (kind) {
    case Activation::kRelu:
      return kept > 0 ? 1 : 0;
    case Activation::kTanh:
      return 1 - kept * kept;
    case Activation::kSigmoid:
      return kept * (1 - kept);
    case Activation::kGelu:
      return GeluSlope(kept);
    case Activation::kSilu:
      return Logistic(kept) * (1 + kept * (1 - Logistic(kept)));
  }
  return 1;
}

}  // namespace

int64_t ReferenceOps::LinearScratch(const LinearShape&) const { return 0; }

void ReferenceOps::LinearForward(const LinearShape& shape, const float* x, const float* weight,
                                 const float* bias, float* y, float*) const {
  for (int64_t r = 0; r < shape.rows; ++r) {
    for (int64_t o = 0; o < shape.outputs; ++o) {
      double sum = bias ? bias[o] : 0;
      for (int64_t i = 0; i < shape.inputs; ++i) {
        sum += static_cast<double>(x[r * shape.inputs + i]) * weight[o * shape.inputs + i];
      }
      y[r * shape.row() + o] = static_cast<float>(sum);
    }
  }
}

void ReferenceOps::LinearInputGradient(const LinearShape& shape, const float* dy,
                                       const float* weight, float* dx) const {
  for (int64_t r = 0; r < shape.rows; ++r) {
    for (int64_t i = 0; i < shape.inputs; ++i) {
      double sum = 0;
      for (int64_t o = 0; o < shape.outputs; ++o) {
        sum += static_cast<double>(dy[r * shape.row() + o]) * weight[o * shape.inputs + i];
      }
      dx[r * shape.inputs + i] = static_cast<float>(sum);
    }
  }
}

void ReferenceOps::LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x,
                                        float* dweight) const {
  for (int64_t o = 0; o < shape.outputs; ++o) {
    for (int64_t i = 0; i < shape.inputs; ++i) {
      double sum = 0;
      for (int64_t r = 0; r < shape.rows; ++r) {
        sum += static_cast<double>(dy[r * shape.row() + o]) * x[r * shape.inputs + i];
      }
      dweight[o * shape.inputs + i] = static_cast<float>(sum);
    }
  }
}

void ReferenceOps::BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const {
  for (int64_t o = 0; o < shape.outputs; ++o) {
    double sum = 0;
    for (int64_t r = 0; r < shape.rows; ++r) sum += dy[r * shape.row() + o];
    dbias[o] = static_cast<float>(sum);
  }
}

void ReferenceOps::ActivationForward(Activation kind, int64_t count, const float* x,
                                     float* y) const {
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(Activate(kind, x[i]));
}

void ReferenceOps::ActivationBackward(Activation kind, int64_t count, const float* kept,
                                      const float* dy, float* dx) const {
  for (int64_t i = 0; i < count; ++i) dx[i] = static_cast<float>(dy[i] * Slope(kind, kept[i]));
}

void ReferenceOps::Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
                           float* y) const {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const uint64_t row = draw.first_row + static_cast<uint64_t>(r);
      const uint64_t counter = (row << 32) | static_cast<uint64_t>(c / 4);
      const bool kept = ToUnitFloat(Philox(draw.key, draw.step, counter)[c % 4]) >= draw.rate;
      const double value = x[r * columns + c] / (1 - draw.rate);
      y[r * columns + c] = kept ? static_cast<float>(value) : 0.0f;
    }
  }
}

void ReferenceOps::Scale(int64_t count, float factor, float* x) const {
  for (int64_t i = 0; i < count; ++i) x[i] *= factor;
}

// A bfloat16 has eight bits from its first one on, and none below 2^-133.
void ReferenceOps::RoundToBfloat16(int64_t count, const float* x, float* y) const {
  for (int64_t i = 0; i < count; ++i) {
    const double value = x[i];
    y[i] = x[i];
    if (!std::isfinite(value)) continue;
    int exponent = 0;
    std::frexp(value, &exponent);
    const int unit = std::max(exponent - 8, -133);
    const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
    const bool fits = std::abs(rounded) < 0x1p128;
    y[i] = static_cast<float>(fits ? rounded : std::copysign(HUGE_VAL, value));
  }
}

void ReferenceOps::Clear(int64_t count, float* x) const { std::fill_n(x, count, 0.0f); }

void ReferenceOps::Copy(int64_t count, const float* x, float* y) const { std::copy_n(x, count, y); }

}  // namespace paracord
