#include "common/job/parse_early_stop.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/job_spec.h"

namespace paracord {
namespace {

bool Rises(MetricKind metric) {
  return metric == MetricKind::kAccuracy || metric == MetricKind::kTop5 ||
         metric == MetricKind::kAuc;
}

// What is lacking for a decision on the way; empty: nothing.
std::string Lacks(const JobSpec& spec) {
  if (!spec.test.has_value()) return "without a test set; expected data.test to evaluate on";
  if (spec.evaluate.every_steps > 0 || spec.evaluate.every_epochs > 0) return "";
  return "with train.evaluate.every: end; expected evaluations before it, as in '1 epoch'";
}

std::optional<EvaluatedMetric> ParseMetric(const ConfigNode& parent, const std::string& key,
                                           const JobSpec& spec) {
  const std::vector<MetricKind>& metrics = spec.evaluate.metrics;
  std::vector<std::string> names = {"test_loss"};
  for (const MetricKind metric : metrics) names.push_back(absl::StrCat("test_", Name(metric)));
  const auto place = parent.Choice(key, names);
  if (!place.has_value()) return std::nullopt;
  return EvaluatedMetric{names[*place], *place, *place > 0 && Rises(metrics[*place - 1])};
}

}  // namespace

std::optional<EarlyStopSpec> ParseEarlyStop(const ConfigNode& node, const JobSpec& spec) {
  if (node.kind() == ConfigNode::Kind::kMissing) return std::nullopt;
  EarlyStopSpec stop;
  const auto metric = ParseMetric(node, "metric", spec);
  stop.patience = static_cast<uint32_t>(node.Integer("patience", stop.patience, {1, 1e6}));
  stop.min_delta = node.Number("min_delta", 0, {0, 1e30});
  node.Finish();
  const std::string lacks = Lacks(spec);
  if (!lacks.empty()) node.Error(absl::StrCat("found ", lacks));
  if (!metric.has_value() || !lacks.empty()) return std::nullopt;
  stop.metric = *metric;
  return stop;
}

std::optional<EvaluatedMetric> ParseBest(const ConfigNode& checkpoint, const JobSpec& spec) {
  if (!checkpoint.Has("best")) return std::nullopt;
  const std::string lacks = Lacks(spec);
  if (lacks.empty()) return ParseMetric(checkpoint, "best", spec);
  checkpoint.Child("best").Error(absl::StrCat("found ", lacks));
  return std::nullopt;
}

}  // namespace paracord
