// What servers say of a job's shards. A server that stops in order says what it has stored; it may
// come back with that, and the job waits for it.
#pragma once

#include <optional>

#include "scheduler/job.h"
#include "scheduler/membership.h"

namespace paracord {

// Bytes that `stored` holds of blocks [begin, end) of the plan's history as of `step`; nullopt: not
// all of them.
std::optional<uint64_t> BytesStored(
    const google::protobuf::RepeatedPtrField<pb::StoredRange>& stored, const pb::Plan& plan,
    uint64_t step, BlockRange range);

// The step that the shard's process stored of the plan's history when it stopped in order; nullopt:
// nothing that `server` holds says that it did.
std::optional<uint64_t> StopStep(const pb::Plan& plan, const pb::ShardRange& shard,
                                 const KnownMember& server);

// The last heartbeat of `server`, which is leaving: keeps what it proves to have stored of the job.
void TakeLeavingServer(Job& job, const KnownMember& server, Moment now);

// Reads by staleness, summed up over the job's shards.
void TakeStaleness(Job& job, const Membership& members);

}  // namespace paracord
