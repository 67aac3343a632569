// Whether the servers that a job's plan names are there with what they had, and what follows if
// they are not: the job waits, goes on where a server stopped in order, or goes back to its newest
// checkpoint.
//
// A server that died has lost what it had in memory. When it is back, every shard of the job goes
// back to the newest checkpoint, under a plan of a new history; without one to the seed's first
// values. Nobody goes back before every server has proved its part: one that comes back with an
// empty disk, or somebody else's, is not served from, and the job waits for the right one. A part
// that cannot be read makes its checkpoint one that nobody goes back to, and the one before counts.
// One that does not come back is replaced, if it can be (server_grace.h).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "scheduler/job.h"
#include "scheduler/membership.h"
#include "scheduler/planner.h"
#include "scheduler/situation.h"

namespace paracord {

struct ServerFindings {
  std::set<std::string> returned;  // servers that stopped in order and came back with all they had
  std::string back;                // why the job has to go back to a checkpoint; empty: it has not
  std::vector<pb::Wait> waits;     // servers that are not there, or not with what they should have
};

// Of a job that runs. Marks checkpoints that turn out to be damaged.
ServerFindings CheckServers(Job& job, const Situation& situation);

// The plan with which `job` goes back to `to`; null: to the seed's first values. Every server is
// there but those `gone`, whose shards go to others. No plan: what is missing for one.
Planned BackPlan(Job& job, const pb::StoredStep* to, const std::set<std::string>& gone,
                 const Resources& resources);

// Goes back to the newest checkpoint, if it can. `findings.waits` gets what is missing.
void GoBack(Job& job, ServerFindings& findings, const Situation& situation);

// A person sends the job back to this step, 0: to the first values; an ended one begins to train
// again. Newer checkpoints are gone then. NotFound: it has no such checkpoint; the message lists
// those there are. FailedPrecondition: a server or slots are missing; nothing is changed.
absl::Status RestoreTo(Job& job, uint64_t step, const Situation& situation);

}  // namespace paracord
