#include "worker/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/data/csv.h"
#include "worker/data/dataset_cache.h"
#include "worker/data/idx.h"
#include "worker/data/libsvm.h"
#include "worker/data/synthetic.h"

namespace paracord {
namespace {

absl::StatusOr<DecodedData> Decode(const DatasetSpec& spec) {
  switch (spec.format) {
    case DatasetSpec::Format::kIdx:
      return DecodeIdx(spec);
    case DatasetSpec::Format::kCsv:
      return DecodeCsv(spec);
    case DatasetSpec::Format::kLibsvm:
      return DecodeLibsvm(spec);
    case DatasetSpec::Format::kSynthetic:
      return MakeSynthetic(spec);
  }
  return absl::InvalidArgumentError("data of a format that this program does not know");
}

// The cache's data set. InvalidArgument (torn, foreign, damaged) goes to the log: somebody may want
// to know.
absl::StatusOr<std::shared_ptr<const Dataset>> OpenCached(const DatasetCache& cache) {
  absl::StatusOr<DatasetContents> contents = cache.Open();
  if (contents.ok()) {
    absl::StatusOr<std::shared_ptr<const Dataset>> data = Dataset::Make(*std::move(contents));
    if (data.ok()) return data;
    contents = data.status();
  }
  if (!absl::IsNotFound(contents.status())) {
    LogWarning("decoded data are made anew: ", Describe(contents.status()));
  }
  return contents.status();
}

// "line 9: data/train.csv", the data set as the job file names it; of an IDX pair, `idx_file`.
std::string NameInJob(const DatasetSpec& spec, const std::string& idx_file) {
  const std::string line = spec.line > 0 ? absl::StrCat("line ", spec.line, ": ") : "";
  switch (spec.format) {
    case DatasetSpec::Format::kIdx:
      return line + idx_file;
    case DatasetSpec::Format::kSynthetic:
      return line + "synthetic data";
    default:
      return line + spec.path;
  }
}

std::string LabelRange(const Dataset& data) {
  return absl::StrCat(data.integer_labels() ? "whole numbers" : "numbers", " from ",
                      data.min_label(), " to ", data.max_label());
}

absl::Status CheckLabels(const Dataset& data, const ModelSpec& model) {
  const bool classes = model.loss == LossKind::kSoftmaxCrossEntropy;
  const int64_t outputs = classes ? model.classes() : ShapeSize(model.output());
  const int64_t floats = model.label_floats();
  if (data.label_floats() != floats) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", data.label_floats(), " label value(s) a sample; ", Name(model.loss),
                     " over ", outputs, " output(s) expects ", floats));
  }
  const double highest = classes ? static_cast<double>(outputs) - 1 : 1;
  const bool bounded = classes || model.loss == LossKind::kBinaryCrossEntropy;
  const bool inside = data.min_label() >= 0 && data.max_label() <= highest;
  if ((!bounded || inside) && (!classes || data.integer_labels())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "found labels that are ", LabelRange(data), "; ", Name(model.loss), " over ", outputs,
      " output(s) expects ", classes ? "whole numbers" : "numbers", " from 0 to ", highest));
}

}  // namespace

Dataset::Dataset(DatasetContents contents)
    : contents_(std::move(contents)), features_(ShapeSize(contents_.sample_shape)) {
  min_label_ = max_label_ = contents_.labels[0];
}

absl::StatusOr<std::shared_ptr<const Dataset>> Dataset::Make(DatasetContents contents) {
  if (contents.samples == 0) return absl::InvalidArgumentError("no samples");
  std::shared_ptr<Dataset> data(new Dataset(std::move(contents)));
  const uint64_t count = data->samples() * static_cast<uint64_t>(data->label_floats());
  for (uint64_t i = 0; i < count; ++i) {
    const float label = data->contents_.labels[i];
    if (!std::isfinite(label)) {
      return absl::InvalidArgumentError(absl::StrCat("label ", i, " is not finite"));
    }
    data->min_label_ = std::min<double>(data->min_label_, label);
    data->max_label_ = std::max<double>(data->max_label_, label);
    data->integer_labels_ = data->integer_labels_ && label == std::floor(label);
  }
  return data;
}

void Dataset::Read(const std::vector<uint64_t>& indices, float scale, float* features,
                   float* labels) const {
  for (const uint64_t index : indices) {
    PARACORD_CHECK(index < samples());
    const uint64_t first = index * static_cast<uint64_t>(features_);
    const auto scaled = [scale](auto value) { return static_cast<float>(value) * scale; };
    if (contents_.pixels != nullptr) {
      features = std::transform(contents_.pixels + first, contents_.pixels + first + features_,
                                features, scaled);
    } else {
      features = std::transform(contents_.features + first, contents_.features + first + features_,
                                features, scaled);
    }
    labels = std::copy_n(contents_.labels + index * static_cast<uint64_t>(label_floats()),
                         label_floats(), labels);
  }
}

absl::StatusOr<std::shared_ptr<const Dataset>> OpenDataset(const DatasetSpec& spec,
                                                           const std::string& cache_directory) {
  if (cache_directory.empty()) {
    ASSIGN_OR_RETURN(DecodedData decoded, Decode(spec));
    return Dataset::Make(ContentsOf(std::make_shared<DecodedData>(std::move(decoded))));
  }
  const DatasetCache cache(spec, cache_directory);
  if (auto cached = OpenCached(cache); cached.ok()) return cached;
  ASSIGN_OR_RETURN(DecodedData decoded, Decode(spec));
  // Another process may have been quicker; then there is one copy in memory, and nothing to write.
  if (auto contents = cache.Open(); contents.ok()) {
    if (auto cached = Dataset::Make(*std::move(contents)); cached.ok()) return cached;
  }
  absl::Status written = cache.Write(decoded);
  if (written.ok()) {
    auto cached = OpenCached(cache);
    if (cached.ok()) return cached;
    written = cached.status();
  }
  LogWarning("decoded data are not kept on disk: ", Describe(written));
  return Dataset::Make(ContentsOf(std::make_shared<DecodedData>(std::move(decoded))));
}

absl::Status CheckAgainstModel(const Dataset& data, const DatasetSpec& spec,
                               const ModelSpec& model) {
  if (data.features() != ShapeSize(model.input)) {
    return absl::InvalidArgumentError(
        absl::StrCat(NameInJob(spec, spec.images), ": found samples of ", data.features(),
                     " values ", ShapeString(data.sample_shape()), "; the model's input ",
                     ShapeString(model.input), " expects ", ShapeSize(model.input)));
  }
  return Annotate(CheckLabels(data, model), NameInJob(spec, spec.labels));
}

}  // namespace paracord
