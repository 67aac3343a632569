// Servers that do not come back in time: their shards go to other servers, which read them from the
// copy of the newest checkpoint, or draw the first values again. Without a copy the job waits for
// them: what they hold is nowhere else.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "scheduler/job.h"
#include "scheduler/situation.h"

namespace paracord {

// The plan's servers that have been gone for `situation.server_grace`.
std::set<std::string> ServersGivenUp(const Job& job, const Situation& situation);

// Whether others can take over what these servers hold of the job.
bool CanMoveShards(const Job& job);

// Each shard of `gone` to the server that has the most memory free. What is missing for it;
// nothing: `plan` names others now.
std::vector<pb::Wait> MoveShards(Job& job, const std::set<std::string>& gone,
                                 const Resources& resources, pb::Plan* plan);

}  // namespace paracord
