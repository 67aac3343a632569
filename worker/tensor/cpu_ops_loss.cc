// CpuOps, the part that ends a pass: losses and metrics. Rows are added in order, in double.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

// exps[i] / sum is what the model says of class i, `rest` what it is to say, `own` of the label.
PARACORD_INLINE inline void SoftmaxSlopes(int64_t outputs, int64_t label, float sum, float own,
                                          float rest, float scale, float* exps) {
  const float hit = (exps[label] / sum - own) * scale;
  for (int64_t i = 0; i < outputs; ++i) exps[i] = (exps[i] / sum - rest) * scale;
  exps[label] = hit;
}

// `rest`: of the target, for each class; a label has 1 - smoothing more.
PARACORD_VECTORIZED float SoftmaxRow(int64_t outputs, const float* logits, int64_t label,
                                     float smoothing, float rest, float scale, float* dlogits) {
  const float largest = LaneMax(logits, outputs);
  for (int64_t i = 0; i < outputs; ++i) dlogits[i] = Exp(logits[i] - largest);
  const float sum = LaneSum<float>(outputs, [dlogits](int64_t i) { return dlogits[i]; });
  SoftmaxSlopes(outputs, label, sum, 1.0f - smoothing + rest, rest, scale, dlogits);
  const float below = logits[label] - largest;
  if (!(smoothing > 0.0f)) return Log(sum) - below;
  const float all = LaneSum<float>(outputs, [=](int64_t i) { return logits[i] - largest; });
  return Log(sum) - ((1.0f - smoothing) * below + rest * all);
}

// The loss alone, without smoothing.
PARACORD_VECTORIZED float LogLossOfRow(int64_t outputs, const float* logits, int64_t label) {
  const float largest = LaneMax(logits, outputs);
  const float sum = LaneSum<float>(outputs, [=](int64_t i) { return Exp(logits[i] - largest); });
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

// `dlogits` may be null.
PARACORD_VECTORIZED double LogisticRow(int64_t outputs, const float* logits, const float* labels,
                                       float factor, float* dlogits) {
  const int64_t slopes = dlogits == nullptr ? 0 : outputs;
  for (int64_t i = 0; i < slopes; ++i) dlogits[i] = (Sigmoid(logits[i]) - labels[i]) * factor;
  // -t log s - (1 - t) log(1 - s) = max(x, 0) - x t + log(1 + e^-|x|), which neither overflows nor
  // cancels.
  return LaneSum<double>(outputs, [logits, labels](int64_t i) {
    const float x = logits[i];
    const float soft = Log(1.0f + Exp(x < 0.0f ? x : -x));
    return static_cast<double>((x < 0.0f ? 0.0f : x) - x * labels[i] + soft);
  });
}

// The same with w t in place of t, but not in 1 - t.
PARACORD_VECTORIZED double WeightedLogisticRow(int64_t outputs, const float* logits,
                                               const float* labels, float weight, float factor,
                                               float* dlogits) {
  for (int64_t i = 0; i < outputs; ++i) {
    const float positive = weight * labels[i], negative = 1.0f - labels[i];
    dlogits[i] = (Sigmoid(logits[i]) * negative - Sigmoid(-logits[i]) * positive) * factor;
  }
  return LaneSum<double>(outputs, [=](int64_t i) {
    const float x = logits[i], positive = weight * labels[i], negative = 1.0f - labels[i];
    const float soft = Log(1.0f + Exp(x < 0.0f ? x : -x));
    const float far = x < 0.0f ? -x * positive : x * negative;
    return static_cast<double>(far + (negative + positive) * soft);
  });
}

// How many classes come before the label; a comparison with every logit instead of a search for the
// largest: no branch, and NaN compares as larger.
PARACORD_VECTORIZED int64_t Rank(int64_t outputs, const float* logits, int64_t label) {
  const float own = logits[label];
  int before = 0;
  for (int64_t i = 0; i < label; ++i) before += logits[i] < own ? 0 : 1;
  for (int64_t i = label + 1; i < outputs; ++i) before += logits[i] <= own ? 0 : 1;
  return before;
}

// Their place among `bins`; of NaN any.
PARACORD_VECTORIZED void PlaceScores(int64_t count, const float* logits, float bins,
                                     int32_t* places) {
  const float last = bins - 1.0f;
  for (int64_t i = 0; i < count; ++i) {
    const float place = Sigmoid(logits[i] * 0.25f) * bins;
    places[i] = static_cast<int32_t>(place <= last ? place : last);
  }
}

}  // namespace

double CpuOps::SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                   const float* labels, const SoftmaxTarget& target, float scale,
                                   float* dlogits) const {
  const float rest = target.smoothing / static_cast<float>(outputs);
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const auto label = static_cast<int64_t>(labels[r]);
    const float weight = target.weights == nullptr ? 1.0f : target.weights[label];
    const float loss = SoftmaxRow(outputs, logits + r * outputs, label, target.smoothing, rest,
                                  weight * scale, dlogits + r * outputs);
    sum += static_cast<double>(weight) * static_cast<double>(loss);
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
                                  const float* labels, float positive_weight, float scale,
                                  float* dlogits) const {
  const float factor = scale / static_cast<float>(outputs);
  const bool weighted = positive_weight != 1.0f;
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * outputs;
    sum += weighted ? WeightedLogisticRow(outputs, logits + at, labels + at, positive_weight,
                                          factor, dlogits + at)
                    : LogisticRow(outputs, logits + at, labels + at, factor, dlogits + at);
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

double CpuOps::ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                         const float* labels) const {
  int64_t hits = 0;
  for (int64_t r = 0; r < rows; ++r) {
    if (!(labels[r] >= 0.0f && labels[r] < static_cast<float>(outputs))) continue;
    const float* row = logits + r * outputs;
    const auto label = static_cast<int64_t>(labels[r]);
    hits += row[label] == row[label] && Rank(outputs, row, label) < most ? 1 : 0;
  }
  return static_cast<double>(hits);
}

double CpuOps::ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                            const float* labels) const {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const bool good = labels[r] >= 0.0f && labels[r] < static_cast<float>(outputs);
    sum += good ? static_cast<double>(
                      LogLossOfRow(outputs, logits + r * outputs, static_cast<int64_t>(labels[r])))
                : std::numeric_limits<double>::quiet_NaN();
  }
  return sum;
}

double CpuOps::SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                           const float* labels) const {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    sum += LogisticRow(outputs, logits + r * outputs, labels + r * outputs, 0, nullptr);
  }
  return sum / static_cast<double>(outputs);
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

void CpuOps::CountScores(int64_t count, const float* logits, const float* labels, int64_t bins,
                         double* counts) const {
  constexpr int64_t kChunk = 256;
  int32_t places[kChunk];
  for (int64_t at = 0; at < count; at += kChunk) {
    const int64_t chunk = std::min(kChunk, count - at);
    PlaceScores(chunk, logits + at, static_cast<float>(bins), places);
    for (int64_t i = at; i < at + chunk; ++i) {
      if (logits[i] == logits[i]) {
        counts[(labels[i] > 0.5f ? bins : 0) + places[i - at]] += 1;
      } else {
        counts[0] = static_cast<double>(logits[i]);
      }
    }
  }
}

}  // namespace paracord
