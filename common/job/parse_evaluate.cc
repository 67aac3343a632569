#include "common/job/parse_evaluate.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {
namespace {

constexpr MetricKind kMetrics[] = {
    MetricKind::kAccuracy,    MetricKind::kTop5, MetricKind::kLogLoss, MetricKind::kPerplexity,
    MetricKind::kBitsPerByte, MetricKind::kAuc,  MetricKind::kRmse};
constexpr int64_t kByteValues = 256;

bool Suits(MetricKind metric, LossKind loss) {
  switch (metric) {
    case MetricKind::kAccuracy:
    case MetricKind::kLogLoss:
      return loss != LossKind::kMeanSquaredError;
    case MetricKind::kTop5:
    case MetricKind::kPerplexity:
    case MetricKind::kBitsPerByte:
      return loss == LossKind::kSoftmaxCrossEntropy;
    case MetricKind::kAuc:
      return loss == LossKind::kBinaryCrossEntropy;
    case MetricKind::kRmse:
      return loss == LossKind::kMeanSquaredError;
  }
  return false;
}

template <class Keep>
std::vector<std::string> Names(const Keep& keep) {
  std::vector<std::string> names;
  for (const MetricKind metric : kMetrics) {
    if (keep(metric)) names.push_back(Name(metric));
  }
  return names;
}

// What is wrong with measuring the model by this metric; empty: nothing that is known. `tokens`:
// what it predicts stands for bytes, as many as its vocabulary says.
std::string Mismatch(MetricKind metric, const ParsedModel& model, bool tokens) {
  if (!model.loss_known) return "";
  const LossKind loss = model.spec.loss;
  if (!Suits(metric, loss)) {
    const auto names = Names([loss](MetricKind other) { return Suits(other, loss); });
    return absl::StrCat("model.loss ", Name(loss), "; expected ", absl::StrJoin(names, ", "));
  }
  if (!model.output_known) return "";
  const int64_t classes = model.spec.classes();
  if (metric == MetricKind::kTop5 && classes <= 5) {
    return absl::StrCat("a model of ", classes, " classes; expected more than 5");
  }
  if (metric == MetricKind::kBitsPerByte && classes != kByteValues && !tokens) {
    return absl::StrCat("a model of ", classes, " classes; expected ", kByteValues,
                        ", the values of a byte, or text with a vocabulary (for others, use "
                        "perplexity)");
  }
  return "";
}

void ParseMetrics(const ConfigNode& node, const ParsedModel& model, bool tokens,
                  EvaluateSpec* spec) {
  if (node.kind() == ConfigNode::Kind::kMissing) return;
  const std::vector<std::string> all = Names([](MetricKind) { return true; });
  for (const ConfigNode& item : node.Items()) {
    const auto choice = item.AsChoice(all);
    if (!choice) continue;
    const MetricKind metric = kMetrics[*choice];
    const std::string mismatch = Mismatch(metric, model, tokens);
    if (!mismatch.empty()) item.Error(absl::StrCat("found '", Name(metric), "' with ", mismatch));
    if (std::find(spec->metrics.begin(), spec->metrics.end(), metric) != spec->metrics.end()) {
      item.Error(
          absl::StrCat("found '", Name(metric), "' a second time; expected each metric once"));
      continue;
    }
    spec->metrics.push_back(metric);
  }
}

}  // namespace

EvaluateSpec ParseEvaluate(const ConfigNode& node, const ParsedModel& model,
                           const std::optional<DatasetSpec>& test) {
  EvaluateSpec spec;
  if (node.kind() == ConfigNode::Kind::kMissing) return spec;
  ParseEvery(node.Child("every"), &spec.every_steps, &spec.every_epochs);
  ParseMetrics(node.Child("metrics"), model, test && !test->vocabulary.empty(), &spec);
  node.Finish();
  if (!test && !spec.metrics.empty()) {
    node.Child("metrics").Error("found without a test set; expected data.test to evaluate on");
  }
  return spec;
}

}  // namespace paracord
