// Text as a sequence of bytes: each byte is a token of a vocabulary of 256. Plain or gzip.
//
// A sample is `context` bytes and its labels are the bytes that follow each; samples begin every
// `stride` bytes. Of a file of n bytes the part [floor(from * n), floor(to * n)) is used, so a test
// set of the rest never shares a byte with it.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// A sequence (dataset_contents.h) of samples [context] with as many labels. InvalidArgument if the
// file is empty or the part too short for one sample and the byte after it.
absl::StatusOr<DecodedData> DecodeText(const DatasetSpec& spec);

}  // namespace paracord
