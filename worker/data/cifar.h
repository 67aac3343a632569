// CIFAR's binary files, one or several in a row, each plain or gzip: records of one label byte
// (classes 10) or a coarse and a fine one (classes 100, the fine one is used), then 3,072 bytes of
// a 32 x 32 image, red before green before blue, rows from the top.
//
// Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the data's
// page, section "Binary version".
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Pixels [samples, 3, 32, 32] stay bytes, one label a sample. InvalidArgument with path, record and
// what was found for an empty or torn file and a label out of range.
absl::StatusOr<DecodedData> DecodeCifar(const DatasetSpec& spec);

}  // namespace paracord
