// Where a task may run: free slots of CPUs or GPUs that compute what the job asks for, on workers
// that are not being drained. Pure.
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
  Place place;  // there
  uint32_t free;
  uint32_t own = 0;  // tasks of the job in question
};
using Candidates = std::vector<Candidate>;

// One task more where there are the fewest of this job's: at that place, then on that worker; then
// where there is the most room. Null: no room.
Candidate* Take(Candidates& candidates);

uint32_t FreeIn(const Candidates& candidates);

// What a job is placed on that asks for `wanted` and needs room for `tasks`. kAuto: GPUs, if those
// of one class have so many slots, whoever has them now; else CPUs. So it does not depend on who
// is busy. Never kAuto.
DeviceKind DeviceFor(DeviceKind wanted, uint32_t tasks, const Resources& resources);

// Places whose bits can be made the same: the same GPU architecture, or CPUs whose instruction sets
// contain one another; and the same library. The newest GPUs first. `device`: kCpu or kCuda.
std::vector<Candidates> SlotGroups(DeviceKind device, const Resources& resources);

// Places that can compute as `plan` says. `own` counts its tasks, but not those of `lost`.
Candidates SlotsFor(const pb::Plan& plan, const std::set<uint32_t>& lost,
                    const Resources& resources);

}  // namespace paracord
