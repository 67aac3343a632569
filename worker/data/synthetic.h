// A data set with a known answer, made from a seed alone: a fixed random linear map of random
// features.
//
// Features are uniform in [-1, 1). classes > 0: the label is the largest output of the map (the
// first of equals), and a share `noise` of labels is replaced by a random class, so no model can be
// right more often than 1 - noise (1 - 1/classes). classes == 0: one target, the map's output
// scaled to a standard deviation of 1, plus noise of standard deviation `noise`, so the best mean
// squared error is noise^2.
//
// The map depends on (seed, features, classes), the samples also on their number: a training and a
// test set with one seed and different sizes are different samples of the same map; with the same
// size too they are the same set. Everything is drawn by Philox and added as integers: the same
// bits on every host.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Features float32 [spec.samples, spec.features], one label a sample; no files. InvalidArgument for
// sizes below 1 or noise that is negative (or above 1 with classes), ResourceExhausted if it does
// not fit in memory.
absl::StatusOr<DecodedData> MakeSynthetic(const DatasetSpec& spec);

}  // namespace paracord
