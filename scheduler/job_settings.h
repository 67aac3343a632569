// What people change of a job while it is pending or running: `paracord set`. The record keeps it,
// over what the job file says; a running job gets a plan that says so.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/job.h"

namespace paracord {

// `settings`: "consistency={ssp: 3}", "workers=4", values as in a job file; what is so already
// changes nothing. InvalidArgument: what was found and expected, nothing is changed.
// FailedPrecondition: the job has ended, or is about to.
absl::Status ChangeJob(Job& job, const std::vector<std::string>& settings, Moment now);

}  // namespace paracord
