// Durations on the command line: "60s", "500ms", "1.5h" as in a configuration file, or a bare
// number of seconds.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/timer.h"

namespace paracord {

// Not below zero. InvalidArgument: says what was found and what is accepted.
absl::StatusOr<Duration> ParseDuration(const std::string& text);

// `limit` from now, or, for a negative limit, so far away that nobody lives to see it.
TimePoint DeadlineAfter(Duration limit);

// "42 s", "3 min 20 s", "2 h 5 min".
std::string DurationText(double seconds);

}  // namespace paracord
