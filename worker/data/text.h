// Text as a sequence of tokens: of a vocabulary, or each byte one of 256. Plain or gzip.
//
// A sample is `context` tokens and its labels are the tokens that follow each; samples begin every
// `stride` tokens. Of a file of n bytes the part [floor(from * n), floor(to * n)) is used, and then
// encoded, so a test set of the rest never shares a byte with it.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// A sequence (dataset_contents.h) of samples [context] with as many labels. InvalidArgument if the
// file is empty, the part too short for one sample and the token after it, or the vocabulary's file
// is none.
absl::StatusOr<DecodedData> DecodeText(const DatasetSpec& spec);

}  // namespace paracord
