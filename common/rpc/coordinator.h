// All that anyone sees of the scheduler. The real object (scheduler/cluster), the gRPC stub
// (remote_coordinator) and the faulty wrapper of the tests all are this, so that a cluster can be
// wired inside one process.
//
// Calls return at once; `done` is called exactly once, on any thread, and must not block. Errors as
// in common/base/status.h; Unavailable and DeadlineExceeded: nobody there, or too late; the same
// call may be made again.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "proto/coordinator.pb.h"

namespace paracord {

template <class Reply>
using Callback = std::function<void(absl::StatusOr<Reply>)>;

class Coordinator {
 public:
  virtual ~Coordinator() = default;
  virtual void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) = 0;
  virtual void Heartbeat(const pb::HeartbeatRequest& request,
                         Callback<pb::HeartbeatReply> done) = 0;
  virtual void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) = 0;
  virtual void ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) = 0;
  virtual void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) = 0;
  virtual void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) = 0;
  virtual void ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) = 0;
  virtual void ListNodes(const pb::ListNodesRequest& request,
                         Callback<pb::ListNodesReply> done) = 0;
  virtual void Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) = 0;
  virtual void Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) = 0;
  virtual void SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) = 0;
  virtual void ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                                Callback<pb::ChangeCheckpointReply> done) = 0;
};

}  // namespace paracord
