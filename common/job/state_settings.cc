#include "common/job/state_settings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/parse_optimizer.h"

namespace paracord {
namespace {

bool Alike(const StateSetting& a, const StateSetting& b) {
  const bool counts = a.floats > 0 || b.floats > 0;
  return counts ? a.floats == b.floats : a.value == b.value;
}

StateSetting MetricsOf(const JobSpec& spec) {
  const auto append = [](std::string* out, MetricKind kind) { absl::StrAppend(out, Name(kind)); };
  return {"train.evaluate.metrics",
          absl::StrCat("[", absl::StrJoin(spec.evaluate.metrics, ", ", append), "]"),
          SumFloats(spec.evaluate.metrics)};
}

std::string Text(const TensorSpec& tensor) {
  return absl::StrCat("'", tensor.name, "' ", ShapeString(tensor.shape));
}

bool Same(const TensorSpec& a, const TensorSpec& b) {
  return a.name == b.name && a.shape == b.shape && a.kind == b.kind;
}

}  // namespace

std::vector<StateSetting> StateSettings(const JobSpec& spec) {
  const bool watches = spec.watches_evaluations(), skips = spec.skips_nonfinite;
  return {{"train.optimizer.kind", Name(spec.optimizer.kind)},
          {"train.virtual_workers", absl::StrCat(spec.virtual_workers)},
          MetricsOf(spec),
          {"train.early_stop, checkpoint.best", watches ? "one of them" : "neither",
           watches ? kWatchFloats : 0},
          {"on_nonfinite", skips ? "skip_step" : "fail", skips ? 1u : 0}};
}

std::vector<std::string> SettingsThatDiffer(const std::vector<StateSetting>& found,
                                            const std::vector<StateSetting>& expected) {
  std::vector<std::string> differ;
  for (const StateSetting& setting : found) {
    const auto other = std::find_if(expected.begin(), expected.end(),
                                    [&](const auto& other) { return other.name == setting.name; });
    if (other == expected.end() || Alike(setting, *other)) continue;
    differ.push_back(
        absl::StrCat(setting.name, ": found ", setting.value, "; expected ", other->value));
  }
  return differ;
}

std::string TensorThatDiffers(const ModelSpec& found, const ModelSpec& expected) {
  const size_t both = std::min(found.tensors.size(), expected.tensors.size());
  for (size_t i = 0; i < both; ++i) {
    const TensorSpec &ours = found.tensors[i], &theirs = expected.tensors[i];
    if (Same(ours, theirs)) continue;
    return absl::StrCat("model: found tensor ", Text(ours), "; expected ", Text(theirs));
  }
  if (found.tensors.size() == expected.tensors.size()) return "";
  return absl::StrCat("model: found ", found.tensors.size(), " tensors; expected ",
                      expected.tensors.size());
}

}  // namespace paracord
