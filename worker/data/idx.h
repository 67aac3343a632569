// IDX, the format of MNIST: unsigned bytes with a big-endian header, plain or gzip.
//
//   0   2   zero
//   2   1   type of the values: 0x08, unsigned byte, is the only one read here
//   3   1   rank: 1 to 3 for images, 1 for labels
//   4   4r  sizes, u32 big-endian, outermost first; the first is the number of samples
//   ...     values; the file ends with the last
//
// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section FILE FORMATS.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// `spec.images` and `spec.labels`: pixels [samples, ...] stay bytes, one label a sample. Images of
// rank 1 have samples of shape [1]. InvalidArgument with path, byte, what was found and what was
// expected for anything that is not exactly that.
absl::StatusOr<DecodedData> DecodeIdx(const DatasetSpec& spec);

}  // namespace paracord
