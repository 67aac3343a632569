// What servers say of a job's shards, whether the servers that its plan names are there, and what
// follows for the job.
//
// A server is lost when its lease is over or when another incarnation of it appears: its memory is
// gone, and with it the job. A server that stopped in order said what it had stored; it may come
// back with that, and the job waits for it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/job.h"
#include "scheduler/membership.h"

namespace paracord {

// Bytes that `stored` holds of blocks [begin, end) of the plan's history as of `step`; nullopt: not
// all of them.
std::optional<uint64_t> BytesStored(
    const google::protobuf::RepeatedPtrField<pb::StoredRange>& stored, const pb::Plan& plan,
    uint64_t step, BlockRange range);

// The last heartbeat of `server`, which is leaving: keeps what it proves to have stored of the job.
void TakeLeavingServer(Job& job, const KnownMember& server, Moment now);

struct ShardFindings {
  std::set<std::string> returned;  // servers that came back with all they had stored
  std::vector<pb::Wait> waits;     // servers that are not there or do not serve yet
};
// What follows from membership and the last heartbeats: staleness is summed up, steps stored by
// every shard become checkpoints, a finished job whose last step is stored succeeds, a job whose
// shard cannot serve fails.
ShardFindings CheckShards(Job& job, const Membership& members, Moment now);

}  // namespace paracord
