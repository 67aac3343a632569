// Arrays of numpy: `spec.path` holds the features [samples, ...], `spec.labels` the labels
// [samples] or [samples, label_floats]. Plain or gzip. What is read is drawn in npy_header.h.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Unsigned bytes stay bytes, other features become floats. Samples of a features array of rank 1
// have shape [1]. InvalidArgument with path and what was found and expected, also for a value that
// is not finite as a float.
absl::StatusOr<DecodedData> DecodeNpy(const DatasetSpec& spec);

}  // namespace paracord
