// What a job begins with, if its file says so: a checkpoint's copy, or a checkpoint of another job
// of this cluster. That one's parts stay on the servers' disks for as long as the job may go back
// to them.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "scheduler/job_table.h"
#include "scheduler/resources.h"

namespace paracord {

// Of a job that was just submitted: sets its record's first origin. NotFound: there is no such job,
// or it has no such checkpoint; the message lists those there are. InvalidArgument: that job's
// model, optimizer or number of virtual workers is another one.
absl::Status FindOrigin(Job& job, const JobTable& table);

// Puts the addresses of their servers into the parts. Those that are not there: to be waited for.
std::vector<pb::Wait> LocateParts(const Resources& resources, pb::Origin* origin);

// A job that has not ended began with this.
bool BeganWith(const JobTable& table, const pb::StoredRange& stored);

}  // namespace paracord
