// Plans with more tasks or fewer than the last one, when free slots or other jobs ask for it, and
// who gives slots back. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "scheduler/planner.h"

namespace paracord {

// At most `more` tasks on free slots that compute the same; the virtual workers are cut evenly
// again. No plan: there is no such slot.
Planned GrowPlan(const pb::Plan& last, uint32_t more, const Resources& resources);

// Spare tasks until there are `backups`, each for the first of `slowest` that has none. No plan:
// there is no slot.
Planned BackupPlan(const pb::Plan& last, uint32_t backups, const std::vector<uint32_t>& slowest,
                   const Resources& resources);

// Without `ranks`; those that are left, of which one at least is no backup, take over.
pb::Plan ShrinkPlan(const pb::Plan& last, const std::set<uint32_t>& ranks);

// The ranks that are too many for a job of so many tasks and backups: the highest ones.
std::set<uint32_t> RanksOver(const pb::Plan& plan, uint32_t tasks, uint32_t backups);

// A running job that may give slots back: all its backups, and tasks while it has more than
// `keeps`.
struct Giver {
  const pb::Plan* plan;
  uint32_t keeps;
};
// A job that wants `needed` slots more at any of `places`, those soon free counted in already.
struct Claim {
  std::set<Place> places;
  uint32_t needed = 0;
};
// What each giver can give for the claim, in the order of `givers`: first the backups, then the
// highest ranks. At most what is needed; fewer in all: the claim cannot be met.
std::vector<std::set<uint32_t>> GiveBack(const std::vector<Giver>& givers, const Claim& claim);

}  // namespace paracord
