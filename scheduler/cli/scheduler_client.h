// One command's conversation with the scheduler: typed calls that are made again, with a pause of
// 100 ms, while nobody answers and `until` has not come. After that the status is Unavailable and
// says who was tried and for how long. Blocks; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "common/rpc/coordinator.h"
#include "scheduler/cli/cluster_address.h"
#include "scheduler/cli/context.h"

namespace paracord {

// How long a verb that does one thing looks for a cluster.
inline constexpr seconds kOneShotPatience{3};
// How long verbs that follow a job ride out a scheduler that is away.
inline constexpr seconds kRidePatience{60};

// Between tries. For loops that ask again.
void Pause(Duration duration = milliseconds(100));

class SchedulerClient {
 public:
  // Finds the cluster's address; connects when first used. Errors as ResolveCluster's.
  static absl::StatusOr<std::unique_ptr<SchedulerClient>> Open(const Context& context);
  SchedulerClient(ClusterAddress cluster, std::unique_ptr<Coordinator> coordinator);

  const std::string& address() const { return cluster_.address; }
  static TimePoint OneShot() { return Clock::now() + kOneShotPatience; }

  absl::StatusOr<pb::GetJobReply> GetJob(const std::string& id, TimePoint until);
  absl::StatusOr<pb::ListJobsReply> ListJobs(TimePoint until);
  absl::StatusOr<pb::ListNodesReply> ListNodes(TimePoint until);
  absl::StatusOr<pb::DrainReply> Drain(const std::string& id, bool draining, TimePoint until);
  absl::StatusOr<pb::CancelReply> Cancel(const std::string& id, TimePoint until);
  // `settings`: "consistency=async". Setting what is so already changes nothing, so it is sent
  // again like the others.
  absl::StatusOr<pb::SetJobReply> SetJob(const std::string& id,
                                         const std::vector<std::string>& settings, TimePoint until);
  // Done twice, each of them comes to the same.
  absl::StatusOr<pb::ChangeCheckpointReply> ChangeCheckpoint(
      const pb::ChangeCheckpointRequest& request, TimePoint until);
  // Sent once: a submit whose answer is lost may have been taken. Looks first whether the scheduler
  // is there.
  absl::StatusOr<pb::SubmitReply> Submit(const pb::SubmitRequest& request, TimePoint until);

 private:
  template <class Reply, class Call>
  absl::StatusOr<Reply> Retry(TimePoint until, Call call);
  absl::Status Absent(const absl::Status& last, TimePoint since) const;

  ClusterAddress cluster_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace paracord
