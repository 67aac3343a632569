#include "common/rpc/remote_coordinator.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/rpc/caller.h"
#include "common/rpc/wire.h"

namespace paracord {
namespace {

constexpr auto kCallDeadline = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kShortestDeadline(100);
constexpr auto kWatchDeadline = std::chrono::seconds(20);  // the scheduler answers after 10

class RemoteCoordinator : public Coordinator {
 public:
  RemoteCoordinator(const std::string& address, std::shared_ptr<Poller> poller)
      : caller_("scheduler", address, std::move(poller)) {}

  void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) override {
    Call<pb::JoinRequest, pb::JoinReply>(
        "/paracord.pb.Coordinator/Join", request,
        [this, done = std::move(done)](absl::StatusOr<pb::JoinReply> reply) {
          if (reply.ok() && reply->lease_ms() > 0) heartbeat_ms_ = reply->lease_ms() / 2;
          done(std::move(reply));
        });
  }
  void Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) override {
    // One answer that is stuck must not cost the lease.
    const auto deadline = std::max(std::chrono::milliseconds(heartbeat_ms_), kShortestDeadline);
    Call("/paracord.pb.Coordinator/Heartbeat", request, std::move(done), deadline);
  }
  void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) override {
    Call("/paracord.pb.Coordinator/Watch", request, std::move(done), kWatchDeadline);
  }
  void ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) override {
    Call("/paracord.pb.Coordinator/ReportTask", request, std::move(done));
  }
  void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) override {
    Call("/paracord.pb.Coordinator/Submit", request, std::move(done));
  }
  void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) override {
    Call("/paracord.pb.Coordinator/GetJob", request, std::move(done));
  }
  void ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) override {
    Call("/paracord.pb.Coordinator/ListJobs", request, std::move(done));
  }
  void ListNodes(const pb::ListNodesRequest& request, Callback<pb::ListNodesReply> done) override {
    Call("/paracord.pb.Coordinator/ListNodes", request, std::move(done));
  }
  void Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) override {
    Call("/paracord.pb.Coordinator/Drain", request, std::move(done));
  }
  void Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) override {
    Call("/paracord.pb.Coordinator/Cancel", request, std::move(done));
  }
  void SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) override {
    Call("/paracord.pb.Coordinator/SetJob", request, std::move(done));
  }
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                        Callback<pb::ChangeCheckpointReply> done) override {
    Call("/paracord.pb.Coordinator/ChangeCheckpoint", request, std::move(done));
  }

 private:
  template <class Request, class Reply>
  void Call(const char* method, const Request& request, Callback<Reply> done,
            std::chrono::milliseconds deadline = kCallDeadline) {
    caller_.Call(method, EncodePlain(request), deadline, DecodeFor<Reply>(std::move(done)));
  }

  std::atomic<int64_t> heartbeat_ms_{std::chrono::milliseconds(kCallDeadline).count()};
  Caller caller_;  // last: its destructor waits for the callbacks
};

}  // namespace

std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address,
                                                   std::shared_ptr<Poller> poller) {
  return std::make_unique<RemoteCoordinator>(address, std::move(poller));
}

std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address) {
  return MakeRemoteCoordinator(address, std::make_shared<Poller>());
}

}  // namespace paracord
