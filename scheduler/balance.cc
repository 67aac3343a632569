#include "scheduler/balance.h"

#include <algorithm>

namespace paracord {
namespace {

constexpr double kWorthShare = 0.9;  // of the time that a step takes now

}  // namespace

double StepSeconds(const std::vector<uint32_t>& counts, const std::vector<double>& seconds) {
  double longest = 0;
  for (size_t i = 0; i < counts.size(); ++i) longest = std::max(longest, counts[i] * seconds[i]);
  return longest;
}

// One slice after the other to the task that would be done first with it. That is optimal: when the
// slowest task got its last slice, every other task would have been as late with one more, so a cut
// that gives it fewer makes another task as slow.
std::vector<uint32_t> CutBySpeed(uint32_t slices, const std::vector<double>& seconds) {
  std::vector<uint32_t> counts(seconds.size(), 1);
  for (size_t given = counts.size(); given < slices; ++given) {
    size_t best = 0;
    for (size_t i = 1; i < counts.size(); ++i) {
      if ((counts[i] + 1) * seconds[i] < (counts[best] + 1) * seconds[best]) best = i;
    }
    ++counts[best];
  }
  return counts;
}

bool IsWorthMoving(const std::vector<uint32_t>& from, const std::vector<uint32_t>& to,
                   const std::vector<double>& seconds) {
  return StepSeconds(to, seconds) <= kWorthShare * StepSeconds(from, seconds);
}

}  // namespace paracord
