// Who does what: a pure function from who is there and what is taken to a job's next plan, or to
// what is missing for it. The same input gives the same plan on any host and in any order of
// arrival.
//
//   first plan   `min_servers` servers, memory on each, and as many tasks as there are free slots
//                for, within the job's least and most, all on GPUs of one class or all on CPUs;
//                else nothing
//   next plan    ranges stay with their servers and ranks with their processes; lost tasks move to
//                free slots, and where there is none, the tasks that are left take over
//
// Plans with more tasks or fewer for other reasons: resize.h.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "proto/plan.pb.h"
#include "scheduler/job_needs.h"
#include "scheduler/resources.h"

namespace paracord {

struct Planned {
  std::optional<pb::Plan> plan;  // empty: nothing changes
  std::string why;               // of the plan, for people
  std::vector<pb::Wait> waits;   // what is missing; `since` is left to the caller
  bool lacks_slots = false;      // that is among it
};

Planned FirstPlan(const std::string& job, JobNeeds& needs, const Resources& resources);

// What a plan no longer says as it is.
struct Changes {
  std::set<uint32_t> lost = {};         // ranks to be placed again; their slots are free in `usage`
  std::set<std::string> returned = {};  // servers, with what they had stored and a new incarnation
  // Some tasks are done: their processes have gone and can take over nothing.
  bool ending = false;
};

// A lost task that has no slot and nobody to take over stays as it is and is waited for. A lost
// backup is left out.
Planned NextPlan(const pb::Plan& last, const Changes& changes, const Resources& resources);

pb::Wait MakeWait(const std::string& who, const std::string& what);
// "task 1: a free slot that computes as cpu AVX2 oneDNN 2.6.0 (worker-0: 1 of 1 busy with a-1)",
// "task 1: 1 GPU of class sm_90 CUDA 13.0 (2 nodes have none)"
pb::Wait WaitForSlot(const pb::Plan& plan, uint32_t rank, const Resources& resources);

}  // namespace paracord
