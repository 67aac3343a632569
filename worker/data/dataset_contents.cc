#include "worker/data/dataset_contents.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"

namespace paracord {
namespace {

// Moves the rows of `size` values that are kept to the front.
template <class Value>
void KeepRowsOf(const RowsSpec& rows, uint64_t samples, uint64_t size, std::vector<Value>* values) {
  if (values->empty()) return;
  auto next = values->begin();
  for (uint64_t i = 0; i < samples; ++i) {
    const auto first = values->begin() + static_cast<int64_t>(i * size);
    if (rows.Keeps(i)) next = std::copy_n(first, size, next);
  }
  values->erase(next, values->end());
}

}  // namespace

absl::Status KeepRows(const RowsSpec& rows, DecodedData* data) {
  if (rows.every == 0) return absl::OkStatus();
  uint64_t kept = 0;
  for (uint64_t i = 0; i < data->samples; ++i) kept += rows.Keeps(i) ? 1 : 0;
  if (kept == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows: none of ", data->samples, " samples is taken"));
  }
  const uint64_t features = static_cast<uint64_t>(ShapeSize(data->sample_shape));
  KeepRowsOf(rows, data->samples, features, &data->pixels);
  KeepRowsOf(rows, data->samples, features, &data->features);
  KeepRowsOf(rows, data->samples, static_cast<uint64_t>(data->label_floats), &data->labels);
  data->samples = kept;
  return absl::OkStatus();
}

DatasetContents ContentsOf(std::shared_ptr<const DecodedData> data) {
  DatasetContents contents;
  contents.sample_shape = data->sample_shape;
  contents.samples = data->samples;
  contents.label_floats = data->label_floats;
  contents.stride = data->stride;
  if (!data->pixels.empty()) {
    contents.pixels = data->pixels.data();
  } else if (!data->tokens.empty()) {
    contents.tokens = data->tokens.data();
  } else {
    contents.features = data->features.data();
  }
  contents.vocabulary = data->vocabulary;
  contents.label_bytes = data->label_bytes;
  if (data->stride == 0) contents.labels = data->labels.data();
  contents.files = data->files;
  contents.owner = std::move(data);
  return contents;
}

absl::Status CheckFitsInMemory(uint64_t samples, uint64_t features) {
  static const uint64_t limit = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
  uint64_t bytes = 0;
  if (!__builtin_mul_overflow(samples, features, &bytes) &&
      !__builtin_mul_overflow(bytes, sizeof(float), &bytes) && bytes <= limit) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(samples, " samples of ", features,
                                                   " floats of 4 bytes are more than the ", limit,
                                                   " bytes that are half of this host's memory"));
}

}  // namespace paracord
