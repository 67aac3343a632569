// The scheduler as one process sees it over a faulty wire. For a process that was cut off there is
// no scheduler any more, and its reports are refused, so that its threads end. People's calls pass.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/rpc/coordinator.h"
#include "tests/support/wire.h"

namespace paracord {

class FaultyCoordinator : public Coordinator {
 public:
  // On the task's threads, before a report is on its way.
  using OnReport = std::function<void(const pb::TaskReport&)>;

  FaultyCoordinator(std::shared_ptr<Coordinator> real, std::shared_ptr<Wire> wire,
                    OnReport on_report)
      : real_(std::move(real)), wire_(std::move(wire)), on_report_(std::move(on_report)) {}

  void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) override {
    Carry(&Coordinator::Join, request, std::move(done));
  }
  void Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) override {
    Carry(&Coordinator::Heartbeat, request, std::move(done));
  }
  void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) override {
    Carry(&Coordinator::Watch, request, std::move(done));
  }
  void ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) override {
    if (wire_->cut()) return done(absl::FailedPreconditionError("cut off"));
    if (on_report_) on_report_(request);
    Carry(&Coordinator::ReportTask, request, std::move(done));
  }
  void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) override {
    real_->Submit(request, std::move(done));
  }
  void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) override {
    real_->GetJob(request, std::move(done));
  }
  void ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) override {
    real_->ListJobs(request, std::move(done));
  }
  void ListNodes(const pb::ListNodesRequest& request, Callback<pb::ListNodesReply> done) override {
    real_->ListNodes(request, std::move(done));
  }
  void Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) override {
    real_->Drain(request, std::move(done));
  }
  void Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) override {
    real_->Cancel(request, std::move(done));
  }
  void SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) override {
    real_->SetJob(request, std::move(done));
  }
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                        Callback<pb::ChangeCheckpointReply> done) override {
    real_->ChangeCheckpoint(request, std::move(done));
  }

 private:
  template <class Request, class Reply>
  void Carry(void (Coordinator::*method)(const Request&, Callback<Reply>), const Request& request,
             Callback<Reply> done) {
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    wire_->Carry<absl::StatusOr<Reply>>(
        [coordinator = std::weak_ptr<Coordinator>(real_), method, request](auto answer) {
          if (auto real = coordinator.lock()) return ((*real).*method)(request, std::move(answer));
          answer(absl::UnavailableError("nobody there"));
        },
        std::move(done));
  }

  const std::shared_ptr<Coordinator> real_;
  const std::shared_ptr<Wire> wire_;
  const OnReport on_report_;
};

}  // namespace paracord
