// A job's checkpoints. One exists once every shard of the plan says that it has stored the same
// step of the plan's history, and the journal has that: which ranges, where, of which hash. Reports
// are state, repeated with each heartbeat, so that one that is lost loses nothing.
//
// Which steps: shards store the regular ones by themselves; those by time or by hand are ordered
// here, for a step that all are still before. A shard that is past it says so, and another step is
// tried. What no checkpoint needs any more is dropped by its server, told in the answers to its
// heartbeats. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/job_table.h"
#include "scheduler/membership.h"

namespace paracord {

// What follows from the last heartbeats: commits, orders, failures that people are shown.
void CheckCheckpoints(Job& job, const Membership& members, Moment now);

// All shards have stored `last`, the job's last step; its copy may still be on its way, for which
// the job waits as long as it gets on, and at most ten minutes. None: it is there, or will not be,
// and then the job says why. After CheckCheckpoints.
std::vector<pb::Wait> AwaitCopy(Job& job, const pb::StoredStep& last, const Membership& members,
                                Moment now);

// Null: the job has no such checkpoint.
pb::StoredStep* FindCheckpoint(Job& job, uint64_t history, uint64_t step);
// The newest, of this step if one is given, that can be read, as far as anybody knows; null: none.
const pb::StoredStep* NewestGood(const Job& job, std::optional<uint64_t> step = std::nullopt);
// What a job begins with by itself, for which no disk is needed; null is that, too. A file of
// weights is read once: what was stored of it then is what counts.
bool IsStart(const Job& job, const pb::StoredStep* checkpoint);
// NotFound, with the steps of those that can be read.
absl::Status NoCheckpoint(const Job& job, std::optional<uint64_t> step);
// Nobody goes back to it any more.
void MarkDamaged(Job& job, pb::StoredStep& checkpoint, const std::string& why, Moment now);

// What this server has stored and nobody can need.
pb::HeartbeatReply Unneeded(const JobTable& table, const pb::HeartbeatRequest& heartbeat);

// A person wants one more: the step that was ordered. FailedPrecondition: the job does not train,
// or is about to end.
absl::StatusOr<uint64_t> OrderCheckpoint(Job& job, const Membership& members);
// NotFound: there is none of this step; the message lists those there are. FailedPrecondition: the
// job would have nothing to go back to.
absl::Status DeleteCheckpoint(Job& job, uint64_t step, Moment now);

}  // namespace paracord
