// CSV with a header row: the column `spec.label` is the label, every other one a feature in the
// order of the file. Plain or gzip. Fields are numbers; blanks around them and quotes are allowed.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Features float32 [samples, columns - 1], one label a sample. InvalidArgument with path, line,
// column and what was found for a missing label column, a row of another length, and a field that
// is empty, no number, or not finite.
absl::StatusOr<DecodedData> DecodeCsv(const DatasetSpec& spec);

}  // namespace paracord
