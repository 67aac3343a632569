// The groups of an optimizer section: what some tensors have of their own.
//
//   groups: [{match: "0.*", lr_scale: 0}, {match: "*.bias", lr_scale: 2, weight_decay: 0}]
//
// A tensor is of the first group whose pattern its name matches: * stands for any characters, ? for
// one. lr_scale: its learning rate is the step's times this, 0 leaves it as it is; weight_decay: in
// place of the optimizer's, whatever no_decay says. A group with neither, or without any tensor, is
// an error.
#pragma once

#include <vector>

#include "common/base/config.h"
#include "common/job/job_spec.h"
#include "common/job/parse_model.h"

namespace paracord {

std::vector<ParameterGroup> ParseGroups(const ConfigNode& groups, const ParsedModel& model);

}  // namespace paracord
