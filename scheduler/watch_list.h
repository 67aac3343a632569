// Who is to know of which plans, and the Watch calls that wait for their set of plans to change.
//
// A revision is a digest of the asker's set of (job, plan number, step to save). Plans are
// immutable and their numbers only rise, so an equal revision is an equal answer, over restarts of
// the scheduler too, and nothing about askers has to be kept. Not thread-safe: lives on the
// cluster's strand.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "common/rpc/coordinator.h"
#include "scheduler/job_table.h"

namespace paracord {

// Everything there is for the asker. NotFound: the member is not one now, or there is no such job.
absl::StatusOr<pb::WatchReply> AnswerWatch(const JobTable& table, const Membership& members,
                                           const pb::WatchRequest& request, Moment now);

class WatchList {
 public:
  // `done` is called by a later Flush or Close.
  void Park(const pb::WatchRequest& request, Callback<pb::WatchReply> done, Moment now);
  // Answers those whose set has changed or who have waited for 10 s.
  void Flush(const JobTable& table, const Membership& members, Moment now);
  void Close(const absl::Status& why);
  // Calls of a member's process that wait.
  size_t CountOf(const std::string& name, uint64_t incarnation) const;

 private:
  struct Parked {
    pb::WatchRequest request;
    Callback<pb::WatchReply> done;
    TimePoint until;
  };
  std::list<Parked> parked_;
};

}  // namespace paracord
