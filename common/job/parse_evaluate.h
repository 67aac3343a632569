// The `evaluate` section of a job file: how often the test set is measured, and by what.
//
//   {every: 1 epoch, metrics: [accuracy, log_loss]}
//
//   softmax_cross_entropy   accuracy, top_5, log_loss, perplexity, bits_per_byte
//   binary_cross_entropy    accuracy, log_loss, auc
//   mse                     rmse
//
// top_5 is for more than five classes; bits_per_byte for 256, bytes, or for text with a vocabulary.
// What they are: worker/model/metric.h.
#pragma once

#include <optional>

#include "common/base/config.h"
#include "common/job/job_spec.h"
#include "common/job/parse_model.h"

namespace paracord {

// A missing node: the default. `test`: the set to measure, if there is one.
EvaluateSpec ParseEvaluate(const ConfigNode& node, const ParsedModel& model,
                           const std::optional<DatasetSpec>& test);

}  // namespace paracord
