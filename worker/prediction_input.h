// Samples to predict, read as the job reads its own: the same format, the same columns and what the
// training set has taught about them (words, means), the same scale and normalisation. Labels are
// not needed; where there are some, nobody looks at them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"

namespace paracord {

// How `path` is read for a job: a file of the training data's format, a folder for images; text
// window after window. A path that ends with .npy is an array of samples for any job, as its model
// reads them before scale and normalisation. InvalidArgument: synthetic data have no files.
absl::StatusOr<DatasetSpec> PredictionInput(const JobSpec& job, const std::string& path);

// What samples are called, if not by their numbers: images by their files. In their order.
absl::StatusOr<std::vector<std::string>> SampleNames(const DatasetSpec& input);

}  // namespace paracord
