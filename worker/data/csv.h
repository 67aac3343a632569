// CSV: the column `spec.label` is the label, every other one a feature in the order of the file, as
// `spec.table` says: a number, the id of a category, parts of a date, or nothing. Plain or gzip.
// Blanks around fields and quotes are allowed.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Features float32 [samples, ...], one label a sample, of the rows that `spec.rows` keeps; what is
// learned comes from `spec.table.learn_from`. InvalidArgument with path, line, column and what was
// found for a missing column, a row of another length, and a field that is not what its column is.
absl::StatusOr<DecodedData> DecodeCsv(const DatasetSpec& spec);

// What each value of a sample is, for messages: "column 'a'", "weekday of column 'day'". Opens the
// file again; none if it cannot be read, or is no csv.
std::vector<std::string> FeatureNames(const DatasetSpec& spec);

}  // namespace paracord
