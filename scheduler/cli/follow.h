// Watches one job to its end. Rides out a scheduler that is away. Blocks; one thread.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "scheduler/cli/context.h"
#include "scheduler/cli/scheduler_client.h"

namespace paracord {

// Steps still to do over the steps a second seen since the first look. For one job.
class EtaEstimate {
 public:
  // Seconds to the end, or below 0: not known yet.
  double Update(const pb::JobStatus& status, TimePoint now);

 private:
  bool begun_ = false;
  uint64_t first_step_ = 0;
  TimePoint first_seen_;
};

// Asks until the job has ended and returns its last status; `show` is called with each answer.
// DeadlineExceeded: `until` has come. Unavailable: nobody answered for kRidePatience.
absl::StatusOr<pb::JobStatus> FollowJob(SchedulerClient& scheduler, const std::string& id,
                                        TimePoint until,
                                        const std::function<void(const pb::JobStatus&)>& show);

// Follows with a progress line on `err` (overwritten on a terminal, else one every few seconds),
// prints how the job ended, and returns its exit code.
int FollowToEnd(const Context& context, SchedulerClient& scheduler, const std::string& id);

// 0 for SUCCEEDED, else kFailed.
int ExitCodeOfJob(const pb::JobStatus& status);

}  // namespace paracord
