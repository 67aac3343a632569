#include "common/job/job_spec.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/name.h"
#include "common/job/parse_data.h"
#include "common/job/parse_device.h"
#include "common/job/parse_evaluate.h"
#include "common/job/parse_model.h"
#include "common/job/parse_optimizer.h"
#include "common/job/parse_workers.h"

namespace paracord {
namespace {

void ParseLength(const ConfigNode& train, JobSpec* spec) {
  spec->epochs = static_cast<uint64_t>(train.Integer("epochs", 0, {1, 1e6}));
  spec->steps = static_cast<uint64_t>(train.Integer("steps", 0, {1, kMostSteps}));
  if (train.Has("epochs") && train.Has("steps")) {
    train.Child("steps").Error(
        "found beside epochs; expected one of them (--set train.epochs=null takes epochs out)");
  }
  if (!train.Has("epochs") && !train.Has("steps") && !train.faulty()) {
    train.Error("found neither epochs nor steps; expected one of them");
  }
}

// Micro-batches of one size, as the last step of an epoch alone may lack.
void ParseAccumulate(const ConfigNode& train, JobSpec* spec) {
  const ConfigNode node = train.Child("accumulate");
  spec->accumulate = static_cast<uint32_t>(train.Integer("accumulate", 1, {1, 1e6}));
  for (const char* key : {"accumulate", "batch_size", "virtual_workers"}) {
    if (train.Child(key).faulty()) return;
  }
  const uint32_t rows = spec->batch_size / spec->virtual_workers;
  const bool even = spec->batch_size % spec->virtual_workers == 0;
  if (spec->accumulate == 1 || (even && rows % spec->accumulate == 0)) return;
  node.Error(absl::StrCat("found ", spec->accumulate,
                          "; expected a divisor of a slice's samples, which are batch_size ",
                          spec->batch_size, " / virtual_workers ", spec->virtual_workers,
                          even ? absl::StrCat(" = ", rows) : ", no whole number"));
}

// Whether the model is to compute again what it need not keep.
bool ParseRecompute(const ConfigNode& train, const ParsedModel& model) {
  if (!train.Bool("recompute", false)) return false;
  const std::vector<LayerSpec>& layers = model.spec.layers;
  const bool has_blocks = std::any_of(
      layers.begin(), layers.end(), [](const LayerSpec& layer) { return layer.block != kNoBlock; });
  if (model.output_known && !has_blocks) {
    train.Child("recompute")
        .Error(
            "found true for layers without repeat and residual; expected one at least, whose "
            "inside is computed again");
  }
  return true;
}

void ParseTrain(const ConfigNode& train, ParsedModel* model, JobSpec* spec) {
  spec->batch_size = static_cast<uint32_t>(train.Integer("batch_size", {1, 1e9}));
  spec->virtual_workers = static_cast<uint32_t>(
      train.Integer("virtual_workers", spec->virtual_workers, {1, kMostVirtualWorkers}));
  ParseAccumulate(train, spec);
  model->spec.recompute = ParseRecompute(train, *model);
  constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kBfloat16};
  model->spec.precision = kPrecisions[train.Choice("precision", 0, {"float32", "bf16"})];
  ParseLength(train, spec);
  spec->optimizer = ParseOptimizer(train.Child("optimizer"), *model);
  spec->clip_norm = train.Number("clip_norm", 0, {1e-30, 1e30});
  spec->evaluate = ParseEvaluate(train.Child("evaluate"), *model, spec->test);
  spec->early_stop = ParseEarlyStop(train.Child("early_stop"), *spec);
  train.Finish();
}

// What is in the language of job files but not in this version is said to be so, not called
// unknown.
void ParseCommunication(const ConfigNode& root) {
  const ConfigNode node = root.Child("communication");
  if (node.text() == "ring" || node.text() == "halving_doubling") {
    return node.Error(
        absl::StrCat("found ", node.text(), "; not available in this version; use ps"));
  }
  root.Choice("communication", 0, {"ps"});
}

}  // namespace

std::vector<std::string> DatasetSpec::Files() const {
  std::vector<std::string> files = paths;
  for (const std::string& file : {images, labels, path, vocabulary}) {
    if (!file.empty()) files.push_back(file);
  }
  if (!table.learn_from.empty()) files.push_back(table.learn_from);
  return files;
}

uint32_t JobSpec::MetricFloats() const {
  return 4 + SumFloats(evaluate.metrics) + (watches_evaluations() ? kWatchFloats : 0) +
         (skips_nonfinite ? 1 : 0);
}

uint64_t JobSpec::TotalSteps(uint64_t samples) const {
  if (steps > 0 || batch_size == 0) return steps;
  return epochs * ((samples + batch_size - 1) / batch_size);
}

uint64_t JobSpec::EvaluationSteps(uint64_t samples) const {
  if (!test.has_value()) return 0;
  if (evaluate.every_steps > 0 || batch_size == 0) return evaluate.every_steps;
  return evaluate.every_epochs * ((samples + batch_size - 1) / batch_size);
}

std::string JobSpec::NeedsBsp() const {
  if (clip_norm > 0) return "train.clip_norm; expected bsp: only a whole step has one gradient";
  const std::string once = "; expected bsp: only there all evaluate the same weights";
  if (early_stop.has_value()) return "train.early_stop" + once;
  if (checkpoint.best.has_value()) return "checkpoint.best" + once;
  return "";
}

ParsedJob ParseJob(const std::string& text, const std::string& directory) {
  const ConfigReader reader(text);
  const ConfigNode root = reader.root();
  ParsedJob job;
  JobSpec& spec = job.spec;
  spec.name = ReadName(root, "job");
  spec.seed = static_cast<uint64_t>(root.Integer("seed", 0, {0}));
  ParsedModel model = ParseModel(root.Child("model"));
  ParseData(root.Child("data"), directory, model, &spec);
  ParseTrain(root.Child("train"), &model, &spec);
  spec.model = std::move(model.spec);
  const auto best = ParseBest(root.Child("checkpoint"), spec);
  spec.checkpoint = ParseCheckpoint(root.Child("checkpoint"), directory);
  spec.checkpoint.best = best;
  spec.consistency = ParseConsistency(root);
  if (const std::string why = spec.NeedsBsp(); !why.empty() && !spec.consistency.bsp()) {
    root.Child("consistency").Error(absl::StrCat("found ", Name(spec.consistency), " with ", why));
  }
  spec.staleness_discount = root.Number("staleness_discount", 0, {0, 1e6});
  spec.balance = root.Choice("balance", 0, {"off", "auto"}) == 1;
  ParseCommunication(root);
  spec.skips_nonfinite = root.Choice("on_nonfinite", 0, {"fail", "skip_step"}) == 1;
  const bool slices_good = !root.Child("train").Child("virtual_workers").faulty();
  const WorkersSpec workers =
      ParseWorkers(root, slices_good ? spec.virtual_workers : kMostVirtualWorkers);
  spec.workers = workers.most;
  spec.min_workers = workers.least;
  spec.device = ParseDevice(root);
  spec.init = ParseInit(root.Child("init"), directory);
  spec.restart = ParseRestart(root.Child("restart"));
  root.Finish();
  job.errors = reader.errors();
  return job;
}

EffectiveJob ApplyOverrides(const std::string& text, const std::vector<std::string>& overrides) {
  EffectiveJob job;
  job.text = SetConfigValues(text, overrides, &job.errors);
  return job;
}

absl::StatusOr<JobSpec> ParseJobOrStatus(const std::string& text, const std::string& directory) {
  ParsedJob job = ParseJob(text, directory);
  if (job.errors.empty()) return std::move(job.spec);
  return absl::InvalidArgumentError(absl::StrJoin(
      job.errors, "\n",
      [](std::string* out, const ConfigError& error) { out->append(ErrorString(error)); }));
}

}  // namespace paracord
