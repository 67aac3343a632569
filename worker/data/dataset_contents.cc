#include "worker/data/dataset_contents.h"

#include <unistd.h>

#include "common/base/status.h"

namespace paracord {

DatasetContents ContentsOf(std::shared_ptr<const DecodedData> data) {
  DatasetContents contents;
  contents.sample_shape = data->sample_shape;
  contents.samples = data->samples;
  contents.label_floats = data->label_floats;
  if (data->pixels.empty()) {
    contents.features = data->features.data();
  } else {
    contents.pixels = data->pixels.data();
  }
  contents.labels = data->labels.data();
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
