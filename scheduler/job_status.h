// What people are shown of a job: its journaled status and what follows from it, from the members
// and from the time.
#pragma once

#include <vector>

#include "proto/coordinator.pb.h"
#include "scheduler/job.h"
#include "scheduler/membership.h"

namespace paracord {

pb::JobStatus ShowJob(const Job& job, const Membership& members, Moment now);

// The job's plan with the shards' addresses of now: a server may have come back elsewhere.
pb::Plan ShowPlan(const Job& job, const Membership& members);

// `fresh` with `since` of those that were there before (the same who waits for the same thing,
// whatever the numbers behind it).
std::vector<pb::Wait> MergeWaits(const std::vector<pb::Wait>& before, std::vector<pb::Wait> fresh,
                                 Moment now);

}  // namespace paracord
