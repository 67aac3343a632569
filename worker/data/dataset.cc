#include "worker/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/data/cifar.h"
#include "worker/data/csv.h"
#include "worker/data/dataset_cache.h"
#include "worker/data/idx.h"
#include "worker/data/images.h"
#include "worker/data/libsvm.h"
#include "worker/data/npy.h"
#include "worker/data/synthetic.h"
#include "worker/data/text.h"

namespace paracord {
namespace {

absl::StatusOr<DecodedData> DecodeAll(const DatasetSpec& spec) {
  switch (spec.format) {
    case DatasetSpec::Format::kIdx:
      return DecodeIdx(spec);
    case DatasetSpec::Format::kCsv:
      return DecodeCsv(spec);
    case DatasetSpec::Format::kLibsvm:
      return DecodeLibsvm(spec);
    case DatasetSpec::Format::kSynthetic:
      return MakeSynthetic(spec);
    case DatasetSpec::Format::kText:
      return DecodeText(spec);
    case DatasetSpec::Format::kCifar:
      return DecodeCifar(spec);
    case DatasetSpec::Format::kImages:
      return DecodeImages(spec);
    case DatasetSpec::Format::kNpy:
      return DecodeNpy(spec);
  }
  return absl::InvalidArgumentError("data of a format that this program does not know");
}

absl::StatusOr<DecodedData> Decode(const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(DecodedData data, DecodeAll(spec));
  // A csv file's decoder has left them out itself.
  if (spec.format == DatasetSpec::Format::kCsv) return data;
  RETURN_IF_ERROR(KeepRows(spec.rows, &data));
  return data;
}

template <typename Value>
std::optional<BadId> BadIdIn(const Value* values, uint64_t samples, uint64_t step,
                             const std::vector<IdColumn>& columns) {
  for (uint64_t i = 0; i < samples; ++i, values += step) {
    for (const IdColumn& column : columns) {
      const auto value = static_cast<float>(values[column.column]);
      const bool whole = value >= 0 && value == std::floor(value);  // neither is true of a NaN
      if (!whole || value >= static_cast<float>(column.ids)) return BadId{i, column, value};
    }
  }
  return std::nullopt;
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

}  // namespace

Dataset::Dataset(DatasetContents contents)
    : contents_(std::move(contents)), features_(ShapeSize(contents_.sample_shape)) {}

absl::StatusOr<std::shared_ptr<const Dataset>> Dataset::Make(DatasetContents contents) {
  if (contents.samples == 0) return absl::InvalidArgumentError("no samples");
  std::shared_ptr<Dataset> data(new Dataset(std::move(contents)));
  if (data->contents_.stride == 0) {
    RETURN_IF_ERROR(data->MeasureLabels());
  } else if (data->contents_.tokens != nullptr) {
    data->MeasureRun(data->contents_.tokens);
  } else {
    data->MeasureRun(data->contents_.pixels);
  }
  return data;
}

absl::Status Dataset::MeasureLabels() {
  const uint64_t count = samples() * static_cast<uint64_t>(label_floats());
  min_label_ = max_label_ = contents_.labels[0];
  for (uint64_t i = 0; i < count; ++i) {
    const float label = contents_.labels[i];
    if (!std::isfinite(label)) {
      return absl::InvalidArgumentError(absl::StrCat("label ", i, " is not finite"));
    }
    min_label_ = std::min<double>(min_label_, label);
    max_label_ = std::max<double>(max_label_, label);
    integer_labels_ = integer_labels_ && label == std::floor(label);
  }
  return absl::OkStatus();
}

// The labels of a sequence: all of it but the first value.
template <class Value>
void Dataset::MeasureRun(const Value* values) {
  const uint64_t count = (samples() - 1) * contents_.stride + static_cast<uint64_t>(features_);
  const auto [least, most] = std::minmax_element(values + 1, values + 1 + count);
  min_label_ = *least;
  max_label_ = *most;
}

double Dataset::bytes_per_label() const {
  if (contents_.label_bytes == 0) return 1;
  const uint64_t labels = samples() * static_cast<uint64_t>(label_floats());
  return static_cast<double>(contents_.label_bytes) / static_cast<double>(labels);
}

std::optional<BadId> Dataset::FirstBadId(const std::vector<IdColumn>& columns) const {
  if (columns.empty()) return std::nullopt;
  constexpr int64_t kBytes = 256;
  const bool some = std::any_of(columns.begin(), columns.end(),
                                [](const IdColumn& column) { return column.ids < kBytes; });
  if (contents_.tokens != nullptr) return BadIdIn(contents_.tokens, samples(), step(), columns);
  if (contents_.pixels == nullptr) return BadIdIn(contents_.features, samples(), step(), columns);
  if (!some) return std::nullopt;
  return BadIdIn(contents_.pixels, samples(), step(), columns);
}

void Dataset::Read(const std::vector<uint64_t>& indices, float scale, float* features,
                   float* labels) const {
  const auto scaled = [scale](auto value) { return static_cast<float>(value) * scale; };
  for (const uint64_t index : indices) {
    PARACORD_CHECK(index < samples());
    const uint64_t first = index * step();
    const auto take = [&](const auto* values) {
      features = std::transform(values + first, values + first + features_, features, scaled);
      if (contents_.stride == 0) return;
      labels = std::copy_n(values + first + 1, label_floats(), labels);
    };
    if (contents_.pixels != nullptr) {
      take(contents_.pixels);
    } else if (contents_.tokens != nullptr) {
      take(contents_.tokens);
    } else {
      take(contents_.features);
    }
    if (contents_.stride == 0) {
      labels = std::copy_n(contents_.labels + index * static_cast<uint64_t>(label_floats()),
                           label_floats(), labels);
    }
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

}  // namespace paracord
