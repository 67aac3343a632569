// What a job reports beside its loss, of its test set.
//
//   accuracy       softmax: the share of labels whose logit is the largest. Else the share of
//                  outputs on the label's side: logit > 0 where the label is above 0.5.
//   top_5          the share of labels whose logit is among the five largest.
//   log_loss       the mean loss in nats, a label or an output, without smoothing and weights.
//   perplexity     e^log_loss: between so many classes, a label, the model is undecided.
//   bits_per_byte  log_loss / log 2 / bytes a label: 1 of a model of bytes, and where a label is a
//                  token, the mean over the test set's labels. Every label counts the same in the
//                  log loss, so that this is all bits over all bytes, exactly.
//   auc            the chance that an output of label 1 is above one of label 0, equal ones
//                  counting half: the area under the curve of true over false positives.
//   rmse           the root of the mean of (output - label)^2.
//
// A metric travels as sums over samples: each slice's share is in its leaf of the metrics block,
// the tree adds them, and MetricValues makes the metric of the total. A kind that the loss has not
// is NaN.
//
// The AUC's sums are counts: of scores logistic(logit / 4) by label, in kScoreBins bins of the same
// width. It is off by at most half the share of pairs, one of each label, that share a bin; with
// logits from -2 to 2 a bin is about 1/128 of a logit wide, at -16 or 16 a ninth. A score that is
// NaN makes it NaN, as does a test set with one label only. Counts are exact in float32 up to 2^24
// samples; CheckTestSet refuses more.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/job/model_spec.h"
#include "worker/model/loss.h"

namespace paracord {

using MetricKinds = std::vector<MetricKind>;

// InvalidArgument: one of `metrics` cannot be told of so many samples.
absl::Status CheckTestSet(const MetricKinds& metrics, uint64_t samples);

// Sums over the rows, SumFloats of each metric one after the other.
std::vector<double> MetricSums(const MetricKinds& metrics, const Loss& loss, const Ops& ops,
                               int64_t rows, const float* logits, const float* labels);

// What a slice with these sums puts in its leaf: its shares of the whole set's means, and counts.
void MetricShares(const MetricKinds& metrics, const std::vector<double>& sums, uint64_t samples,
                  float* shares);

// The metrics of all slices' shares added. `bytes_per_label`: of the test set, for bits_per_byte.
std::vector<double> MetricValues(const MetricKinds& metrics, const float* shares,
                                 double bytes_per_label);

}  // namespace paracord
