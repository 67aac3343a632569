// What two jobs must have in common for one to go on with the other's state: the optimizer's state
// and the ledger mean nothing to another optimizer or to other slices, and the metrics' block is
// cut by what is summed in it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/job/job_spec.h"

namespace paracord {

struct StateSetting {
  std::string name;     // as in a job file: "train.virtual_workers"
  std::string value;    // for people; settings without floats are alike if it is
  uint32_t floats = 0;  // of the metrics' block; settings with floats are alike if these are
};

std::vector<StateSetting> StateSettings(const JobSpec& spec);

// What of `found`, a job's, differs from `expected`, those of the state that it is to begin with:
// "train.optimizer.kind: found sgd; expected adam". What only one of them has is not compared.
std::vector<std::string> SettingsThatDiffer(const std::vector<StateSetting>& found,
                                            const std::vector<StateSetting>& expected);

// The first tensor that differs, "model: found ...; expected ..."; empty: none does.
std::string TensorThatDiffers(const ModelSpec& found, const ModelSpec& expected);

}  // namespace paracord
