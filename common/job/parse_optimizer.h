// The optimizer section of a job file: the update rule, its settings, how the learning rate moves.
//
//   {kind: adamw, lr: 0.001, weight_decay: 0.01, warmup: 500, schedule: {cosine: {final_lr: 1e-5}}}
//
// schedule: constant | cosine | linear | {cosine: {final_lr}} | {linear: {final_lr}} | {step:
// {every, factor}}. no_decay: none | vectors: no weight decay for tensors of one dimension, biases
// and the scales of norms. groups: parse_groups.h. A setting that the kind does not use is an
// error.
#pragma once

#include "common/base/config.h"
#include "common/job/job_spec.h"
#include "common/job/parse_model.h"

namespace paracord {

// A missing node: plain sgd with its defaults.
OptimizerSpec ParseOptimizer(const ConfigNode& optimizer, const ParsedModel& model);

const char* Name(OptimizerSpec::Kind kind);  // as in a job file: "adamw"

}  // namespace paracord
