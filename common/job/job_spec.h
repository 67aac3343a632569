// A job file, read and checked: plain structs with every default filled in. The text of the file
// travels between processes and each parses it again with this one parser, so that what was
// validated is what runs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/job/consistency_spec.h"
#include "common/job/model_spec.h"
#include "common/job/parse_checkpoint.h"
#include "common/job/parse_device.h"
#include "common/job/parse_early_stop.h"
#include "common/job/table_spec.h"

namespace paracord {

struct DatasetSpec {
  enum class Format { kIdx, kCsv, kLibsvm, kSynthetic, kText, kCifar, kImages, kNpy };
  Format format = Format::kIdx;
  std::string images, labels;      // idx; npy: `labels`
  std::string path;                // csv, libsvm, text; images: the folder; npy: the features
  std::vector<std::string> paths;  // cifar
  std::string label;               // csv: name of the label's column
  TableSpec table;                 // csv
  RowsSpec rows;                   // which samples of the files; not for synthetic and text
  int64_t features = 0;            // libsvm: number of features, indices 1..features; synthetic
  int64_t samples = 0;             // synthetic
  int64_t classes =
      0;              // synthetic: number of classes, 0: regression with one target; cifar: 10, 100
  double noise = 0;   // synthetic: standard share of noise, see worker/data
  uint64_t seed = 0;  // synthetic
  int64_t context = 0;      // text: tokens a sample
  int64_t stride = 0;       // text: tokens from the start of a sample to that of the next
  double from = 0, to = 1;  // text: the part of its bytes that is used
  std::string vocabulary;   // text: the file of its tokens; empty: each byte is one
  int64_t height = 0, width = 0, channels = 0;  // images
  int line = 0;                                 // where it stands in the job file
  // False: samples to predict. Their labels are not looked for, or not looked at. Of no job file.
  bool labelled = true;

  std::vector<std::string> Files() const;  // the paths it reads
};

// What some tensors have of their own.
struct ParameterGroup {
  std::string match;  // of their names; a tensor is of the first group that it matches
  double lr_scale = 1;
  std::optional<double> weight_decay = {};  // also of vectors
};

struct OptimizerSpec {
  enum class Kind { kSgd, kMomentum, kAdagrad, kRmsprop, kAdam, kAdamw };
  enum class Schedule { kConstant, kStep, kCosine, kLinear };
  Kind kind = Kind::kSgd;
  double lr = 0.01;       // a job file's default; 0.001 for adam, adamw, rmsprop
  double momentum = 0.9;  // momentum (also rmsprop's smoothing is `beta2`)
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;  // a job file's default; 0.99 for rmsprop
  double epsilon = 1e-8;
  double weight_decay = 0;     // adamw: decoupled; others: added to the gradient
  bool decays_vectors = true;  // also tensors of one dimension: biases, and scales of norms
  std::vector<ParameterGroup> groups = {};
  Schedule schedule = Schedule::kConstant;
  uint64_t warmup_steps = 0;  // lr rises linearly from lr / (warmup + 1) before the schedule begins
  uint64_t step_every = 0;    // schedule step: every so many steps ...
  double step_factor = 0.1;   // ... lr is multiplied by this
  double final_lr = 0;        // cosine, linear: lr at the last step
};

struct EvaluateSpec {
  uint64_t every_steps = 0;   // 0: only at the end
  uint64_t every_epochs = 1;  // used if every_steps is 0; both 0: only at the end
  std::vector<MetricKind> metrics;
};

// What is done to the images of a batch after `scale`, see worker/data/sample_transform.
struct TransformSpec {
  std::vector<double> mean, deviation;  // of each channel; empty: values stay as they are
  bool flips = false;                   // training: every other image is mirrored left to right
  int64_t crop_padding = 0;  // training: shifted by up to so many pixels each way, 0 coming in

  bool augments() const { return flips || crop_padding > 0; }
  bool empty() const { return mean.empty() && !augments(); }
};

struct JobSpec {
  std::string name;
  uint64_t seed = 0;
  ModelSpec model;
  DatasetSpec train;
  std::optional<DatasetSpec> test;
  double scale = 1;  // features are multiplied by it
  TransformSpec transform;
  uint64_t epochs = 0;  // exactly one of epochs and steps is given, the other is 0
  uint64_t steps = 0;
  uint32_t batch_size = 0;
  uint32_t virtual_workers = 8;
  uint32_t accumulate = 1;  // a slice is computed in so many micro-batches, one after another
  OptimizerSpec optimizer;
  double clip_norm = 0;  // of a step's whole gradient, at most; 0: any. Bsp only
  EvaluateSpec evaluate;
  std::optional<EarlyStopSpec> early_stop;  // bsp only
  ConsistencySpec consistency;              // to begin with
  double staleness_discount = 0;  // ssp, async: lr is divided by 1 + this * staleness in steps
  bool balance = false;           // bsp: virtual workers move from slow tasks to fast ones
  bool skips_nonfinite = false;   // a step that is not finite changes nothing; else the job fails
  uint32_t workers = 1;           // tasks at most, spare ones not counted
  uint32_t min_workers = 1;       // tasks to start with at least; without a range: `workers`
  DeviceKind device = DeviceKind::kAuto;
  CheckpointSpec checkpoint;
  InitSpec init;
  RestartSpec restart;

  // Steps of the whole job, once the number of training samples is known; an early stop ends it
  // before.
  uint64_t TotalSteps(uint64_t samples) const;
  // A version that is a multiple of so many steps is evaluated; 0: the last one alone.
  uint64_t EvaluationSteps(uint64_t samples) const;
  // Something is decided by evaluations.
  bool watches_evaluations() const { return early_stop.has_value() || checkpoint.best.has_value(); }
  // What of the job needs whole steps, bsp, and why; empty: it may be trained in any mode.
  std::string NeedsBsp() const;
  // Floats of the metrics block: train loss, the step (two floats), test loss, SumFloats of each
  // metric; if evaluations are watched kWatchFloats, see worker/evaluation_watch.h; with
  // `skips_nonfinite` a last one: steps skipped so far. One block's at most.
  uint32_t MetricFloats() const;
};

struct ParsedJob {
  JobSpec spec;
  std::vector<ConfigError> errors;  // empty: `spec` is good
};

// `text`: YAML. `directory`: what relative paths are relative to; the paths in the result are
// absolute. All errors at once, sorted by line; files are not opened. Safe for any bytes.
ParsedJob ParseJob(const std::string& text, const std::string& directory);

// The text of a job file with `overrides` ("train.batch_size=64", value is YAML) applied; what is
// submitted. Without overrides it is the text unchanged; with them, comments go but every value
// keeps its line (SetConfigValues). Paths stay as they are: the directory travels beside the text,
// and ParseJob takes both. Errors: wrong overrides (path "--set ...", line 0) or broken YAML;
// whether the result is a good job is for ParseJob to say.
struct EffectiveJob {
  std::string text;
  std::vector<ConfigError> errors;
};
EffectiveJob ApplyOverrides(const std::string& text, const std::vector<std::string>& overrides);

// ParseJob as a status, for those who cannot show a list: InvalidArgument, all errors, one a line.
absl::StatusOr<JobSpec> ParseJobOrStatus(const std::string& text, const std::string& directory);

}  // namespace paracord
