// One reading of both clocks: the steady one for leases, the wall one for people and for what is
// journaled.
#pragma once

#include <cstdint>

#include "common/base/timer.h"

namespace paracord {

struct Moment {
  TimePoint at{};
  int64_t unix_ms = 0;
};

}  // namespace paracord
