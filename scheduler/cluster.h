// The scheduler itself: takes what members, tasks and people say, decides, journals, and only then
// answers.
//
// Everything runs on one strand with an injected clock. After each call and every 100 ms it looks
// at all jobs again and does what follows: leases that are over, tasks to be placed again, the next
// job in line. Journal writes block the strand for the milliseconds that a sync takes; training
// does not wait for them, only decisions do. Signs of life count from when they arrived, and leases
// are judged as of when that was asked for: the strand keeps the order, so that nobody is lost
// because a disk is slow.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/periodic.h"
#include "common/base/strand.h"
#include "common/rpc/coordinator.h"
#include "scheduler/job_table.h"
#include "scheduler/situation.h"
#include "scheduler/watch_list.h"

namespace paracord {

struct ClusterOptions {
  uint32_t min_servers = 1;  // no job starts with fewer
  Duration lease = seconds(2);
  Duration heartbeat = milliseconds(500);
  Duration server_grace = seconds(30);
  std::function<int64_t()> unix_ms;  // the wall clock
  bool chaos = false;                // told to `paracord chaos`, which does nothing without
  // The journal cannot be written: nothing is decided any more. On the strand.
  std::function<void(const absl::Status&)> on_broken = [](const absl::Status&) {};
};

class Cluster : public Coordinator {
 public:
  // DataLoss: the journal cannot be trusted. `timer` outlives the cluster.
  static absl::StatusOr<std::unique_ptr<Cluster>> Open(ClusterOptions options,
                                                       std::unique_ptr<Journal> journal,
                                                       Timer& timer);
  ~Cluster() override;

  // How `nodes` shows the scheduler.
  void SetSelf(const std::string& address, int64_t pid);
  // Answers all that wait, and whoever comes later, with Unavailable. Decides nothing any more.
  void Stop();

  // The connection of a member has ended; any thread.
  void Cut(const std::string& name, uint64_t incarnation);

  void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) override;
  void Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) override;
  void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) override;
  void ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) override;
  void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) override;
  void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) override;
  void ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) override;
  void ListNodes(const pb::ListNodesRequest& request, Callback<pb::ListNodesReply> done) override;
  void Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) override;
  void Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) override;
  void SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) override;
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                        Callback<pb::ChangeCheckpointReply> done) override;

 private:
  Cluster(ClusterOptions options, JobTable jobs, Timer& timer);
  Moment Now() const;

  // Posts `handler`, settles and journals what follows from it, and answers.
  template <class Reply>
  void Run(std::function<absl::StatusOr<Reply>(Moment)> handler, Callback<Reply> done);

  // On the strand.
  absl::StatusOr<pb::JoinReply> HandleJoin(const pb::JoinRequest& request, Moment arrived);
  absl::StatusOr<pb::HeartbeatReply> HandleHeartbeat(const pb::HeartbeatRequest& request,
                                                     Moment arrived, Moment now);
  Situation Look(Moment now) const;
  absl::StatusOr<pb::SubmitReply> HandleSubmit(const pb::SubmitRequest& request, Moment now);
  absl::StatusOr<pb::CancelReply> HandleCancel(const pb::CancelRequest& request, Moment now);
  absl::StatusOr<pb::ChangeCheckpointReply> HandleCheckpoint(
      const pb::ChangeCheckpointRequest& request, Moment now);
  pb::ListNodesReply MakeNodes() const;
  void Tick(Moment asked);
  // Reconciles and journals; a journal that fails stops all decisions.
  void Settle(Moment now);

  const ClusterOptions options_;
  Timer& timer_;
  JobTable jobs_;
  Membership members_;
  WatchList watches_;
  pb::Node self_;
  absl::Status broken_;  // not OK: nothing is decided or shown any more
  Strand strand_;
  Periodic ticker_;  // the first to go
};

}  // namespace paracord
