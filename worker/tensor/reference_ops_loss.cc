// ReferenceOps, the part that ends a pass: losses and metrics.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// The logarithms of the softmax of a row.
std::vector<double> LogSoftmax(const float* x, int64_t outputs) {
  const double largest = *std::max_element(x, x + outputs);
  double sum = 0;
  for (int64_t i = 0; i < outputs; ++i) sum += std::exp(x[i] - largest);
  std::vector<double> logs;
  for (int64_t i = 0; i < outputs; ++i) logs.push_back(x[i] - largest - std::log(sum));
  return logs;
}

// The classes, the one with the largest logit first; NaN is larger than any number.
std::vector<int64_t> Ranking(const float* x, int64_t outputs) {
  std::vector<int64_t> order(static_cast<size_t>(outputs));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [x](int64_t a, int64_t b) {
    if (std::isnan(x[a]) || std::isnan(x[b])) return std::isnan(x[a]) && !std::isnan(x[b]);
    return x[a] > x[b];
  });
  return order;
}

}  // namespace

double ReferenceOps::SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                         const float* labels, const SoftmaxTarget& target,
                                         float scale, float* dlogits) const {
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<double> logs = LogSoftmax(logits + r * outputs, outputs);
    const auto label = static_cast<int64_t>(labels[r]);
    const double weight = target.weights == nullptr ? 1 : target.weights[label];
    for (int64_t i = 0; i < outputs; ++i) {
      const double spread = static_cast<double>(target.smoothing) / static_cast<double>(outputs);
      const double q = spread + (i == label ? 1.0 - target.smoothing : 0);
      const double log_p = logs[static_cast<size_t>(i)];
      if (q > 0) loss -= weight * q * log_p;
      dlogits[r * outputs + i] = static_cast<float>(weight * (std::exp(log_p) - q) * scale);
    }
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
                                        const float* labels, float positive_weight, float scale,
                                        float* dlogits) const {
  double loss = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const double x = logits[i], t = labels[i], w = positive_weight;
    const double log_s = std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
    loss -= w * t * log_s + (1 - t) * (log_s - x);  // log(1 - s) = log s - x
    const double slope = (1 - t) * Logistic(x) - w * t * Logistic(-x);
    dlogits[i] = static_cast<float>(slope * scale / static_cast<double>(outputs));
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

double ReferenceOps::ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                               const float* labels) const {
  double hits = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = logits + r * outputs;
    const std::vector<int64_t> ranking = Ranking(x, outputs);
    const auto end = ranking.begin() + std::min(most, outputs);
    const auto found = std::find_if(ranking.begin(), end, [&](int64_t place) {
      return static_cast<float>(place) == std::trunc(labels[r]);
    });
    if (found != end && !std::isnan(x[*found])) hits += 1;
  }
  return hits;
}

double ReferenceOps::ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                                  const float* labels) const {
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<double> logs = LogSoftmax(logits + r * outputs, outputs);
    const bool bad =
        FirstBadLabel({0.0f, static_cast<float>(outputs - 1), true}, 1, labels + r) == 0;
    loss -= bad ? std::nan("") : logs[static_cast<size_t>(labels[r])];
  }
  return loss;
}

double ReferenceOps::SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                                 const float* labels) const {
  std::vector<float> unused(static_cast<size_t>(rows * outputs));
  return BinaryCrossEntropy(rows, outputs, logits, labels, 1.0f, 1.0f, unused.data());
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

void ReferenceOps::CountScores(int64_t count, const float* logits, const float* labels,
                               int64_t bins, double* counts) const {
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(logits[i])) {
      counts[0] = logits[i];
      continue;
    }
    const double score = Logistic(static_cast<double>(logits[i]) / 4);
    const auto bin = std::min(static_cast<int64_t>(score * static_cast<double>(bins)), bins - 1);
    counts[(labels[i] > 0.5f ? bins : 0) + bin] += 1;
  }
}

}  // namespace paracord
