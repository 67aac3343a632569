// CpuOps, the part that ends a pass: losses and metrics. Rows are added in order, in double.
#include <cmath>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

PARACORD_VECTORIZED float SoftmaxRow(int64_t outputs, const float* logits, int64_t label,
                                     float scale, float* dlogits) {
  const float largest = LaneMax(logits, outputs);
  for (int64_t i = 0; i < outputs; ++i) dlogits[i] = Exp(logits[i] - largest);
  const float sum = LaneSum<float>(outputs, [dlogits](int64_t i) { return dlogits[i]; });
  const float hit = (dlogits[label] / sum - 1.0f) * scale;
  for (int64_t i = 0; i < outputs; ++i) dlogits[i] = dlogits[i] / sum * scale;
  dlogits[label] = hit;
  return Log(sum) - (logits[label] - largest);
}

PARACORD_VECTORIZED double SquaredRow(int64_t outputs, const float* logits, const float* labels,
                                      float factor, float* dlogits) {
  for (int64_t i = 0; i < outputs; ++i) dlogits[i] = (logits[i] - labels[i]) * factor;
  return LaneSum<double>(outputs, [logits, labels](int64_t i) {
    const double error = static_cast<double>(logits[i]) - static_cast<double>(labels[i]);
    return error * error;
  });
}

PARACORD_VECTORIZED double LogisticRow(int64_t outputs, const float* logits, const float* labels,
                                       float factor, float* dlogits) {
  // -t log s - (1 - t) log(1 - s) = max(x, 0) - x t + log(1 + e^-|x|), which neither overflows nor
  // cancels.
  const double sum = LaneSum<double>(outputs, [logits, labels](int64_t i) {
    const float x = logits[i];
    const float soft = Log(1.0f + Exp(x < 0.0f ? x : -x));
    return static_cast<double>((x < 0.0f ? 0.0f : x) - x * labels[i] + soft);
  });
  for (int64_t i = 0; i < outputs; ++i) dlogits[i] = (Sigmoid(logits[i]) - labels[i]) * factor;
  return sum;
}

// A comparison with every logit instead of a search for the largest: no branch, and NaN is no hit.
PARACORD_VECTORIZED bool IsFirstLargest(int64_t outputs, const float* logits, int64_t label) {
  const float own = logits[label];
  int misses = own == own ? 0 : 1;
  for (int64_t i = 0; i < label; ++i) misses += logits[i] < own ? 0 : 1;
  for (int64_t i = label; i < outputs; ++i) misses += logits[i] <= own ? 0 : 1;
  return misses == 0;
}

}  // namespace

double CpuOps::SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                   const float* labels, float scale, float* dlogits) const {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    sum += static_cast<double>(SoftmaxRow(outputs, logits + r * outputs,
                                          static_cast<int64_t>(labels[r]), scale,
                                          dlogits + r * outputs));
  }
  return sum;
}

double CpuOps::MeanSquaredError(int64_t rows, int64_t outputs, const float* logits,
                                const float* labels, float scale, float* dlogits) const {
  const float factor = 2.0f * scale / static_cast<float>(outputs);
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * outputs;
    sum += SquaredRow(outputs, logits + at, labels + at, factor, dlogits + at);
  }
  return sum / static_cast<double>(outputs);
}

double CpuOps::BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                  const float* labels, float scale, float* dlogits) const {
  const float factor = scale / static_cast<float>(outputs);
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * outputs;
    sum += LogisticRow(outputs, logits + at, labels + at, factor, dlogits + at);
  }
  return sum / static_cast<double>(outputs);
}

int64_t CpuOps::FirstBadLabel(const LabelRange& range, int64_t count, const float* labels) const {
  for (int64_t i = 0; i < count; ++i) {
    const bool inside = labels[i] >= range.least && labels[i] <= range.most;
    if (!inside || (range.whole && labels[i] != std::floor(labels[i]))) return i;
  }
  return -1;
}

double CpuOps::ClassHits(int64_t rows, int64_t outputs, const float* logits,
                         const float* labels) const {
  int64_t hits = 0;
  for (int64_t r = 0; r < rows; ++r) {
    if (!(labels[r] >= 0.0f && labels[r] < static_cast<float>(outputs))) continue;
    hits += IsFirstLargest(outputs, logits + r * outputs, static_cast<int64_t>(labels[r])) ? 1 : 0;
  }
  return static_cast<double>(hits);
}

double CpuOps::SignHits(int64_t rows, int64_t outputs, const float* logits,
                        const float* labels) const {
  int64_t hits = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const bool sane = logits[i] == logits[i];
    hits += sane && (logits[i] > 0.0f) == (labels[i] > 0.5f) ? 1 : 0;
  }
  return static_cast<double>(hits) / static_cast<double>(outputs);
}

double CpuOps::SquaredError(int64_t rows, int64_t outputs, const float* logits,
                            const float* labels) const {
  double sum = 0;
  for (int64_t i = 0; i < rows * outputs; ++i) {
    const double error = static_cast<double>(logits[i]) - static_cast<double>(labels[i]);
    sum += error * error;
  }
  return sum / static_cast<double>(outputs);
}

}  // namespace paracord
