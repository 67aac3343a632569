// Where a task may run: free slots on workers that compute what the job asks for and that are not
// being drained. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "common/job/job_spec.h"
#include "proto/plan.pb.h"
#include "scheduler/resources.h"

namespace paracord {

struct Candidate {
  const KnownMember* worker;
  uint32_t free;
  uint32_t own = 0;  // tasks of the job in question
};
using Candidates = std::vector<Candidate>;

// One task more on the worker that has the fewest of this job's, then the most room. Null: no room.
Candidate* Take(Candidates& candidates);

uint32_t FreeIn(const Candidates& candidates);

// Workers whose bits can be made the same: device, library, and instruction sets that contain one
// another. CUDA first.
std::vector<Candidates> SlotGroups(DeviceKind device, const Resources& resources);

// Workers that can compute as `plan` says. `own` counts its tasks, but not those of `lost`.
Candidates SlotsFor(const pb::Plan& plan, const std::set<uint32_t>& lost,
                    const Resources& resources);

}  // namespace paracord
