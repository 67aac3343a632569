// What became of each sample of each epoch, from what all servers of a job have counted.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "proto/plan.pb.h"
#include "proto/shard.pb.h"

namespace paracord {

struct AuditRow {
  uint64_t epoch = 0;
  uint64_t expected = 0;  // samples that the job uses of it
  uint64_t applied = 0;   // that every weight has
  uint64_t repeated = 0;  // that some weights have more than once
  uint64_t missing = 0;   // that some weights do not have (yet)
};

// `replies`: one a shard of `plan`, asked with `audit`. Every epoch of the job, also those that
// have not begun; none if no server knows how many samples there are. DataLoss: the servers speak
// of different data.
absl::StatusOr<std::vector<AuditRow>> AuditRows(const JobSpec& spec, const pb::Plan& plan,
                                                const std::vector<pb::QueryReply>& replies);

}  // namespace paracord
