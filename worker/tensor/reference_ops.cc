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

void ReferenceOps::Clear(int64_t count, float* x) const { std::fill_n(x, count, 0.0f); }

void ReferenceOps::Copy(int64_t count, const float* x, float* y) const { std::copy_n(x, count, y); }

double ReferenceOps::SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                         const float* labels, float scale, float* dlogits) const {
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = logits + r * outputs;
    const double largest = *std::max_element(x, x + outputs);
    double sum = 0;
    for (int64_t i = 0; i < outputs; ++i) sum += std::exp(x[i] - largest);
    const auto label = static_cast<int64_t>(labels[r]);
    for (int64_t i = 0; i < outputs; ++i) {
      const double slope = std::exp(x[i] - largest) / sum - (i == label ? 1 : 0);
      dlogits[r * outputs + i] = static_cast<float>(slope * scale);
    }
    loss += std::log(sum) + largest - x[label];
  }
  return loss;
}

double ReferenceOps::MeanSquaredError(int64_t rows, int64_t outputs, const float* logits,
                                      const float* labels, float scale, float* dlogits) const {
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const double error = static_cast<double>(logits[i]) - labels[i];
    dlogits[i] = static_cast<float>(2 * error * scale / static_cast<double>(outputs));
  }
  return SquaredError(rows, outputs, logits, labels);
}

double ReferenceOps::BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                        const float* labels, float scale, float* dlogits) const {
  double loss = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const double x = logits[i], t = labels[i];
    loss += std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x)));
    dlogits[i] = static_cast<float>((Logistic(x) - t) * scale / static_cast<double>(outputs));
  }
  return loss / static_cast<double>(outputs);
}

int64_t ReferenceOps::FirstBadLabel(const LabelRange& range, int64_t count,
                                    const float* labels) const {
  const float* bad = std::find_if(labels, labels + count, [&range](float label) {
    const bool broken = range.whole && std::trunc(label) != label;
    return std::isnan(label) || label < range.least || label > range.most || broken;
  });
  return bad == labels + count ? -1 : bad - labels;
}

double ReferenceOps::ClassHits(int64_t rows, int64_t outputs, const float* logits,
                               const float* labels) const {
  double hits = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = logits + r * outputs;
    if (std::any_of(x, x + outputs, [](float value) { return std::isnan(value); })) continue;
    const auto largest = static_cast<float>(std::max_element(x, x + outputs) - x);
    if (largest == std::trunc(labels[r])) hits += 1;
  }
  return hits;
}

double ReferenceOps::SignHits(int64_t rows, int64_t outputs, const float* logits,
                              const float* labels) const {
  double hits = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    if (!std::isnan(logits[i]) && (logits[i] > 0) == (labels[i] > 0.5)) hits += 1;
  }
  return hits / static_cast<double>(outputs);
}

double ReferenceOps::SquaredError(int64_t rows, int64_t outputs, const float* logits,
                                  const float* labels) const {
  double sum = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const double error = static_cast<double>(logits[i]) - labels[i];
    sum += error * error;
  }
  return sum / static_cast<double>(outputs);
}

}  // namespace paracord
