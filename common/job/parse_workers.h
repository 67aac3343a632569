// The `workers` of a job file and of `paracord set`: a number, or a range.
#pragma once

#include <cstdint>

#include "common/base/config.h"

namespace paracord {

inline constexpr uint32_t kMostVirtualWorkers = 4096;

struct WorkersSpec {
  uint32_t most = 1;   // tasks at most, spare ones not counted
  uint32_t least = 1;  // tasks to start with at least; without a range the same number
};

// "workers" below `root`: 2, or {min: 1, max: 8}, at most `virtual_workers`. Wrong ones are
// reported at their node.
WorkersSpec ParseWorkers(const ConfigNode& root, uint32_t virtual_workers);

}  // namespace paracord
