// Do the data suit the job? Asked when a job is submitted and again by each task, before step 0, so
// that what is wrong is said with the data set's line and not by a layer.
#pragma once

#include "absl/status/status.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset.h"

namespace paracord {

// InvalidArgument says what was found and what was expected: as many features as the model has
// inputs; in the columns that an embedding reads ids that its table has rows for (rows count
// from 0, as in the file); for softmax integer labels of [0, classes), classes the last extent of
// the output, one for each place before it ([length, classes]: length labels); for the other losses
// one float a model output, from 0 to 1 for binary cross-entropy. Samples without labels: their
// features alone. Of text with a vocabulary: as many classes, and as many rows of the embedding
// that reads it, as there are tokens.
absl::Status CheckAgainstModel(const Dataset& data, const DatasetSpec& spec,
                               const ModelSpec& model);

// Are the samples images [channels, height, width] or [height, width] with as many channels as
// `transform` has means, and larger than its crop's padding?
absl::Status CheckTransform(const Dataset& data, const DatasetSpec& spec,
                            const TransformSpec& transform);

}  // namespace paracord
