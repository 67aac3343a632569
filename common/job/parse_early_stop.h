// What evaluations decide: when a job ends early, and which of its checkpoints is the best.
//
//   train: {early_stop: {metric: test_loss, patience: 3, min_delta: 0.001}}
//   checkpoint: {best: test_accuracy}
//
// A metric is one of those that every evaluation gives: test_loss, or test_NAME of one in
// train.evaluate.metrics. Accuracy, top_5 and auc are the better the larger they are, all others
// the smaller. Both need a test set, and evaluations before the job's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/config.h"

namespace paracord {

struct JobSpec;

// Of the metrics block, for what evaluations have led to; see worker/evaluation_watch.h.
inline constexpr uint32_t kWatchFloats = 10;

struct EvaluatedMetric {
  std::string name;    // "test_loss", "test_accuracy"
  size_t place = 0;    // 0: the test loss; i + 1: the job's metric i
  bool rises = false;  // the larger the better
};

struct EarlyStopSpec {
  EvaluatedMetric metric;
  uint32_t patience = 3;  // the job ends after so many evaluations without an improvement,
  double min_delta = 0;   // which is to be better by more than this than the best before it
};

// A missing node: nothing. `spec` has the job's test set and `evaluate` already.
std::optional<EarlyStopSpec> ParseEarlyStop(const ConfigNode& node, const JobSpec& spec);
// The `best` of the section `checkpoint`.
std::optional<EvaluatedMetric> ParseBest(const ConfigNode& checkpoint, const JobSpec& spec);

}  // namespace paracord
