// Who does what: a pure function from who is there and what is taken to a job's next plan, or to
// what is missing for it. The same input gives the same plan on any host and in any order of
// arrival.
//
//   first plan   whole gangs only: `min_servers` servers, one free slot a task, memory on each
//                server; else nothing
//   next plan    ranges stay with their servers and ranks keep their virtual workers; only lost
//                tasks move
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "proto/plan.pb.h"
#include "scheduler/job_needs.h"
#include "scheduler/membership.h"

namespace paracord {

// What is taken: by running jobs, and by ended ones until they are seen to be gone.
struct Usage {
  std::map<std::string, std::vector<std::string>>
      slots;                                             // worker: the job's id, once for each slot
  std::map<std::string, uint64_t> memory;                // server: bytes
  std::map<std::string, std::vector<std::string>> held;  // server: ended jobs that are part of them
};

struct Resources {
  std::vector<const KnownMember*> servers;  // READY, in name order
  std::vector<const KnownMember*> workers;  // READY, in name order
  uint32_t min_servers = 1;
  Usage usage;

  uint32_t FreeSlots(const KnownMember& worker) const;
};

struct Planned {
  std::optional<pb::Plan> plan;  // empty: nothing changes
  std::string why;               // of the plan, for people
  std::vector<pb::Wait> waits;   // what is missing; `since` is left to the caller
};

Planned FirstPlan(const std::string& job, JobNeeds& needs, const Resources& resources);

// `lost`: ranks to be placed again (their slots are free in `usage`). `returned`: servers that came
// back with what they had stored, to be named with their new incarnation. What cannot be placed
// stays as it is and is waited for.
Planned NextPlan(const pb::Plan& last, const std::set<uint32_t>& lost,
                 const std::set<std::string>& returned, const Resources& resources);

pb::Wait MakeWait(const std::string& who, const std::string& what);

}  // namespace paracord
