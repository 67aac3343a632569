// What is done about tasks that compute slowly, in bsp, where a step takes as long as its slowest
// task. Neither changes a bit of the weights.
//
//   balance   virtual workers move to faster tasks, when the step becomes shorter by a tenth (as
//             measured), twice in a row, and not sooner than 3 s after the last change
//   backup    a spare task computes what the slowest computes too; it moves when another one has
//             been slower by 1.3 times for 3 s
#pragma once

#include <vector>

#include "scheduler/job.h"

namespace paracord {

// The ranks that are no backups, by seconds a slice; while one is not known, in rank order.
std::vector<uint32_t> SlowestFirst(const Job& job);

// Publishes what follows. To be called at each pass.
void HelpSlowTasks(Job& job, Moment now);

}  // namespace paracord
