#include "scheduler/cli/duration.h"

#include <cstdint>
#include <optional>

#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/base/units.h"

namespace paracord {

absl::StatusOr<Duration> ParseDuration(const std::string& text) {
  double number = 0;
  const bool bare = absl::SimpleAtod(text, &number);
  const std::optional<int64_t> nanoseconds = ParseNanoseconds(bare ? text + "s" : text);
  if (nanoseconds.has_value()) return Duration(*nanoseconds);
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no duration; expected for example 60s, 500ms or 2h"));
}

TimePoint DeadlineAfter(Duration limit) {
  constexpr Duration kForever = std::chrono::hours(24 * 365 * 10);
  if (limit < Duration::zero() || limit > kForever) limit = kForever;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
}

std::string DurationText(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds > 1e9) return "for ever";
  const uint64_t whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

}  // namespace paracord
