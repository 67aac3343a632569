// libsvm's sparse text: one sample a line, "LABEL INDEX:VALUE INDEX:VALUE ... # comment", indices
// from 1, ascending; what is not written is 0. Plain or gzip. Stored dense.
//
// If every label is -1 or +1 and -1 occurs, they become 0 and 1, which is what losses here expect
// of two classes. Source: Chang and Lin, "LIBSVM: A Library for Support Vector Machines", ACM TIST
// 2011, and its README.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Features float32 [samples, spec.features], one label a sample. InvalidArgument with path, line
// and what was found for anything that is no such line; ResourceExhausted if the dense form does
// not fit in memory.
absl::StatusOr<DecodedData> DecodeLibsvm(const DatasetSpec& spec);

}  // namespace paracord
