// What a job minimises, as its file says it in model.loss.
//
//   softmax_cross_entropy | binary_cross_entropy | mse
//   {softmax_cross_entropy: {label_smoothing: 0.1, class_weights: [1, 4, 0.5]}}
//   {binary_cross_entropy: {positive_weight: 2}}
#pragma once

#include "common/base/config.h"
#include "common/job/model_spec.h"

namespace paracord {

// Reads the `loss` of `model` into `spec`. False: there is none that can be used, reported.
bool ParseLoss(const ConfigNode& model, ModelSpec* spec);

// Reports an output of the model that its loss has no use for. `loss`: that node.
void CheckLoss(const ConfigNode& loss, const ModelSpec& spec);

}  // namespace paracord
