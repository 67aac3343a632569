// What a job reports beside its loss.
#pragma once

#include <cstdint>

#include "common/job/model_spec.h"
#include "worker/model/loss.h"

namespace paracord {

// The sum over the rows; divided by all rows it is the metric (rmse: the root of that).
//
//   accuracy   with classes: 1 for a row whose largest logit is the label's. Else the share of a
//              row's outputs on the label's side: logit > 0 where the label is above 0.5.
//   rmse       the mean over a row's outputs of (output - label)^2; NaN for a model with classes,
//              which has no such thing.
double MetricSum(MetricKind kind, const Loss& loss, const Ops& ops, int64_t rows,
                 const float* logits, const float* labels);

}  // namespace paracord
