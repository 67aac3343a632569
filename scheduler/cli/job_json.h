// Jobs and nodes as JSON: the field names of the contract in ARCHITECTURE section 6. Fields are
// added, never renamed. Numbers that nobody knows yet, and pids of processes that are not alive,
// are null. Times are "2024-05-01T12:00:00.123Z".
#pragma once

#include <cstdint>
#include <string>

#include "proto/coordinator.pb.h"
#include "proto/job.pb.h"
#include "scheduler/cli/context.h"

namespace paracord {

std::string TimeText(int64_t unix_ms);  // "" for 0: not known
std::string RoleName(pb::Role role);    // "server"
bool HasEnded(pb::JobState state);

Json JobJson(const pb::JobStatus& status);  // get JOB
Json CheckpointsJson(const pb::JobStatus& status);
Json JobsJson(const pb::ListJobsReply& reply);    // {"jobs": [...]}
Json NodesJson(const pb::ListNodesReply& reply);  // {"nodes": [...]}
Json ExplainJson(const pb::JobStatus& status);    // {"id", "state", "waits", "events"}

}  // namespace paracord
