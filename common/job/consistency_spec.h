// Which gradients a read of the weights may lack: `consistency` of a job file, of a plan, and of
// `paracord set`.
//
//   bsp                   none of an earlier step; every sum follows the reduction tree
//   {bsp: {backup: 1}}    the same, and a spare task computes what the slowest task computes
//   {ssp: 3}              those of the last 3 steps
//   async                 any
#pragma once

#include <cstdint>
#include <string>

#include "common/base/config.h"

namespace paracord {

struct ConsistencySpec {
  enum class Mode { kBsp, kSsp, kAsync };
  Mode mode = Mode::kBsp;
  uint32_t staleness = 0;  // ssp: of how many steps before its own a read may lack gradients
  uint32_t backup = 0;     // bsp: spare tasks
  bool bsp() const { return mode == Mode::kBsp; }
  bool operator==(const ConsistencySpec&) const = default;
};

// The child "consistency" of `root`; missing: bsp.
ConsistencySpec ParseConsistency(const ConfigNode& root);

// "bsp", "ssp(3)", "async": what people are shown. Spare tasks are not part of it.
std::string Name(const ConsistencySpec& spec);

}  // namespace paracord
