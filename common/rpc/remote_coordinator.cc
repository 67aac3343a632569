#include "common/rpc/remote_coordinator.h"

#include <utility>

#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "proto/coordinator.grpc.pb.h"

namespace paracord {
namespace {

constexpr auto kCallDeadline = std::chrono::seconds(5);
constexpr auto kWatchDeadline = std::chrono::seconds(20);  // the scheduler answers after 10

class RemoteCoordinator : public Coordinator {
 public:
  explicit RemoteCoordinator(const std::string& address)
      : address_(address),
        channel_(OpenChannel(address)),
        stub_(pb::Coordinator::NewStub(channel_)) {}

  void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) override {
    Start(&Async::Join, request, std::move(done), kCallDeadline);
  }
  void Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) override {
    Start(&Async::Heartbeat, request, std::move(done), kCallDeadline);
  }
  void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) override {
    Start(&Async::Watch, request, std::move(done), kWatchDeadline);
  }
  void ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) override {
    Start(&Async::ReportTask, request, std::move(done), kCallDeadline);
  }
  void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) override {
    Start(&Async::Submit, request, std::move(done), kCallDeadline);
  }
  void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) override {
    Start(&Async::GetJob, request, std::move(done), kCallDeadline);
  }
  void ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) override {
    Start(&Async::ListJobs, request, std::move(done), kCallDeadline);
  }
  void ListNodes(const pb::ListNodesRequest& request, Callback<pb::ListNodesReply> done) override {
    Start(&Async::ListNodes, request, std::move(done), kCallDeadline);
  }
  void Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) override {
    Start(&Async::Cancel, request, std::move(done), kCallDeadline);
  }

 private:
  using Async = pb::Coordinator::StubInterface::async_interface;

  // gRPC 1.51 ends the threads of its callbacks with the last channel that has made such calls, and
  // joins them also on one of them: where a call that outlived its coordinator lets its channel go.
  // That frees their queue twice. So one channel of the process stays for good.
  static void KeepOneChannel(const std::shared_ptr<grpc::Channel>& channel) {
    [[maybe_unused]] static const auto* const kept = new std::shared_ptr<grpc::Channel>(channel);
  }

  template <class Request, class Reply>
  void Start(void (Async::*method)(grpc::ClientContext*, const Request*, Reply*,
                                   std::function<void(grpc::Status)>),
             const Request& request, Callback<Reply> done, std::chrono::seconds deadline) {
    KeepOneChannel(channel_);
    struct Call {
      grpc::ClientContext context;
      Request request;
      Reply reply;
      Callback<Reply> done;
    };
    auto call = std::make_shared<Call>();
    call->request = request;
    call->done = std::move(done);
    call->context.set_deadline(std::chrono::system_clock::now() + deadline);
    (stub_->async()->*method)(&call->context, &call->request, &call->reply,
                              [call, address = address_](grpc::Status status) {
                                if (status.ok()) {
                                  call->done(std::move(call->reply));
                                } else {
                                  call->done(Explain(FromGrpc(status), address));
                                }
                              });
  }

  // Only a failed connection needs to say where to; an answer speaks for itself.
  static absl::Status Explain(const absl::Status& status, const std::string& address) {
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return status;
    return Annotate(status, absl::StrCat("scheduler at ", address));
  }

  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<pb::Coordinator::Stub> stub_;
};

}  // namespace

std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address) {
  return std::make_unique<RemoteCoordinator>(address);
}

}  // namespace paracord
