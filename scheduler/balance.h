// How many virtual workers each task should have, by how fast it computes. Pure.
//
// A step of bsp takes as long as its slowest task: the largest (virtual workers * seconds a slice).
// Ranges are contiguous and in rank order, and every virtual worker is the same work, so that only
// the counts matter.
#pragma once

#include <cstdint>
#include <vector>

namespace paracord {

// Time of a step with `counts`. `seconds`: of a slice, by task, above 0.
double StepSeconds(const std::vector<uint32_t>& counts, const std::vector<double>& seconds);

// The counts, each at least 1, with which a step is shortest; of two tasks that would be equally
// good the first one gets more. At most one task a slice.
std::vector<uint32_t> CutBySpeed(uint32_t slices, const std::vector<double>& seconds);

// Whether the step becomes shorter by a tenth at least: less is not worth a new plan.
bool IsWorthMoving(const std::vector<uint32_t>& from, const std::vector<uint32_t>& to,
                   const std::vector<double>& seconds);

}  // namespace paracord
