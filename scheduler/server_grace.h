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

// Gone for `situation.server_grace`. One that stopped in order is waited for: it comes back with
// all it had.
bool IsGivenUp(const Job& job, const std::string& server, const Situation& situation);
// Those of the plan's servers.
std::set<std::string> ServersGivenUp(const Job& job, const Situation& situation);

// The newest checkpoint that was copied whole and can be read, as far as anybody knows; null: none.
const pb::StoredStep* NewestMovable(const Job& job);

// Whether others can take over what such servers hold of the job: a checkpoint was copied whole, or
// there is none but the first values.
bool CanMoveShards(const Job& job);

// Each shard of `gone` to the server that has the most memory free. What is missing for it;
// nothing: `plan` names others now.
std::vector<pb::Wait> MoveShards(Job& job, const std::set<std::string>& gone,
                                 const Resources& resources, pb::Plan* plan);

}  // namespace paracord
