#include "worker/model/metric.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

constexpr uint64_t kMostCounted = uint64_t{1} << 24;

// Of label 0, then of label 1, by rising score.
double AreaUnderCurve(const float* counts) {
  const float *negatives = counts, *positives = counts + kScoreBins;
  double below = 0, all = 0, area = 0;
  for (uint32_t bin = 0; bin < kScoreBins; ++bin) {
    const double here = static_cast<double>(negatives[bin]);
    area += static_cast<double>(positives[bin]) * (below + here / 2);
    below += here;
    all += static_cast<double>(positives[bin]);
  }
  return area / (all * below);  // 0 / 0 where there is one label only
}

// The sum over the rows of a metric that is a mean.
double MeanSum(MetricKind kind, const Loss& loss, const Ops& ops, int64_t rows, const float* logits,
               const float* labels) {
  const int64_t all = rows * loss.positions(), classes = loss.classes();
  const auto positions = static_cast<double>(loss.positions());
  switch (kind) {
    case MetricKind::kAccuracy:
      return loss.has_classes() ? ops.ClassHits(all, classes, 1, logits, labels) / positions
                                : ops.SignHits(rows, loss.outputs(), logits, labels);
    case MetricKind::kTop5:
      if (loss.has_classes()) return ops.ClassHits(all, classes, 5, logits, labels) / positions;
      break;
    case MetricKind::kLogLoss:
    case MetricKind::kPerplexity:
    case MetricKind::kBitsPerByte:
      return loss.has_classes() ? ops.ClassLogLoss(all, classes, logits, labels) / positions
                                : ops.SignLogLoss(rows, loss.outputs(), logits, labels);
    case MetricKind::kRmse:
      if (!loss.has_classes()) return ops.SquaredError(rows, loss.outputs(), logits, labels);
      break;
    case MetricKind::kAuc:  // is none
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

absl::Status CheckTestSet(const MetricKinds& metrics, uint64_t samples) {
  for (const MetricKind kind : metrics) {
    if (kind != MetricKind::kAuc || samples <= kMostCounted) continue;
    return absl::InvalidArgumentError(absl::StrCat("found a test set of ", samples,
                                                   " samples; auc counts exactly up to ",
                                                   kMostCounted, ", expected no more"));
  }
  return absl::OkStatus();
}

std::vector<double> MetricSums(const MetricKinds& metrics, const Loss& loss, const Ops& ops,
                               int64_t rows, const float* logits, const float* labels) {
  std::vector<double> sums;
  for (const MetricKind kind : metrics) {
    if (kind != MetricKind::kAuc) {
      sums.push_back(MeanSum(kind, loss, ops, rows, logits, labels));
      continue;
    }
    std::vector<double> counts(2 * kScoreBins, 0.0);
    if (loss.has_classes()) {
      counts[0] = std::numeric_limits<double>::quiet_NaN();
    } else {
      ops.CountScores(rows * loss.outputs(), logits, labels, kScoreBins, counts.data());
    }
    sums.insert(sums.end(), counts.begin(), counts.end());
  }
  return sums;
}

void MetricShares(const MetricKinds& metrics, const std::vector<double>& sums, uint64_t samples,
                  float* shares) {
  size_t at = 0;
  for (const MetricKind kind : metrics) {
    const double whole = kind == MetricKind::kAuc ? 1 : static_cast<double>(samples);
    for (const size_t end = at + SumFloats(kind); at < end; ++at) {
      shares[at] = static_cast<float>(sums[at] / whole);
    }
  }
}

std::vector<double> MetricValues(const MetricKinds& metrics, const float* shares,
                                 double bytes_per_label) {
  std::vector<double> values;
  for (const MetricKind kind : metrics) {
    const double mean = static_cast<double>(*shares);
    switch (kind) {
      case MetricKind::kPerplexity:
        values.push_back(static_cast<double>(Exp(*shares)));
        break;
      case MetricKind::kBitsPerByte:
        values.push_back(mean / std::numbers::ln2 / bytes_per_label);
        break;
      case MetricKind::kAuc:
        values.push_back(AreaUnderCurve(shares));
        break;
      case MetricKind::kRmse:
        values.push_back(std::sqrt(mean));
        break;
      default:
        values.push_back(mean);
    }
    shares += SumFloats(kind);
  }
  return values;
}

}  // namespace paracord
