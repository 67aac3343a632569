// Operations by launching bodies, what is counted: labels out of range, hits, scores in bins.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/loss_ops.h"
#include "worker/tensor/cuda/reductions.h"
#include "worker/tensor/ops.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

// The place of a label that is outside the range, the number of labels of one inside.
struct BadLabel {
  LabelRange range;
  int64_t count;
  const float* labels;
  PARACORD_HD int64_t operator()(int64_t i) const {
    const bool inside = labels[i] >= range.least && labels[i] <= range.most;
    const bool broken = range.whole && labels[i] != std::floor(labels[i]);
    return inside && !broken ? count : i;
  }
};

struct SignHit {
  const float *logits, *labels;
  PARACORD_HD double operator()(int64_t i) const {
    const bool sane = logits[i] == logits[i];
    return sane && (logits[i] > 0.0f) == (labels[i] > 0.5f) ? 1 : 0;
  }
};

// hits [rows]: 1 where fewer than `most` classes come before the label. A comparison with every
// logit: NaN compares as larger.
template <int kThreadsOfBody>
struct ClassHitBody {
  static constexpr int kThreads = kThreadsOfBody;
  int64_t outputs, most;
  const float *logits, *labels;
  double* hits;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float* x = logits + block.x() * outputs;
    const bool good = IsClass(labels[block.x()], outputs);
    const int64_t label = good ? static_cast<int64_t>(labels[block.x()]) : 0;
    const float own = x[label];
    const int64_t before = block.Sum([&](int thread) {
      int64_t found = 0;
      for (int64_t i = thread; i < outputs; i += kThreads) {
        const bool behind = i < label ? x[i] < own : i == label || x[i] <= own;
        found += behind ? 0 : 1;
      }
      return found;
    });
    block.Each([&](int thread) {
      if (thread == 0) hits[block.x()] = good && own == own && before < most ? 1 : 0;
    });
  }
};

// counts [2, bins], and how many are NaN.
struct ScoreBody {
  static constexpr int kThreads = 256;
  int64_t count, bins;
  const float *logits, *labels;
  uint64_t* counts;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t i = block.x() * kThreads + thread;
      if (i >= count) return;
      if (!(logits[i] == logits[i])) return block.Count(counts + 2 * bins);
      const float place = Sigmoid(logits[i] * 0.25f) * static_cast<float>(bins);
      const float last = static_cast<float>(bins) - 1.0f;
      const auto bin = static_cast<int64_t>(place <= last ? place : last);
      block.Count(counts + (labels[i] > 0.5f ? bins : 0) + bin);
    });
  }
};

struct NoCountBody {
  static constexpr int kThreads = 256;
  int64_t count;
  uint64_t* counts;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t i = block.x() * kThreads + thread;
      if (i < count) counts[i] = 0;
    });
  }
};

template <class Base>
class MetricOps : public Base {
 public:
  using Base::Base;

  int64_t FirstBadLabel(const LabelRange& range, int64_t count,
                        const float* labels) const override {
    const int64_t first = ReduceAll<int64_t>(this->launcher(), count, count,
                                             BadLabel{range, count, labels}, Smaller());
    return first < count ? first : -1;
  }
  double ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                   const float* labels) const override {
    auto hits = this->launcher().template Scratch<double>(rows);
    LaunchRows<ClassHitBody>(this->launcher(), rows, outputs, most, logits, labels, hits.data());
    return SumAll(this->launcher(), rows, Stored<double>{hits.data()});
  }
  double SignHits(int64_t rows, int64_t outputs, const float* logits,
                  const float* labels) const override {
    return SumAll(this->launcher(), rows * outputs, SignHit{logits, labels}) /
           static_cast<double>(outputs);
  }
  void CountScores(int64_t count, const float* logits, const float* labels, int64_t bins,
                   double* counts) const override {
    const auto& launcher = this->launcher();
    std::vector<uint64_t> found(static_cast<size_t>(2 * bins + 1));
    const auto size = static_cast<int64_t>(found.size());
    auto there = launcher.template Scratch<uint64_t>(size);
    launcher.Launch((size + 255) / NoCountBody::kThreads, NoCountBody{size, there.data()});
    launcher.Launch((count + 255) / ScoreBody::kThreads,
                    ScoreBody{count, bins, logits, labels, there.data()});
    launcher.ReadBack(there.data(), size, found.data());
    for (int64_t i = 0; i < 2 * bins; ++i) {
      counts[i] += static_cast<double>(found[static_cast<size_t>(i)]);
    }
    if (found.back() > 0) counts[0] = std::numeric_limits<double>::quiet_NaN();
  }
};

}  // namespace paracord
