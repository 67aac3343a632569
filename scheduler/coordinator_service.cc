#include "scheduler/coordinator_service.h"

#include <chrono>
#include <utility>

#include "common/rpc/rpc.h"

namespace paracord {
namespace {

// The method's answer becomes the reactor's.
template <class Request, class Reply>
void Answer(grpc::ServerUnaryReactor* reactor, const Request& request, Reply* reply,
            Coordinator& coordinator,
            void (Coordinator::*method)(const Request&, Callback<Reply>)) {
  (coordinator.*method)(request, [reactor, reply](absl::StatusOr<Reply> answer) {
    const absl::Status status = answer.status();
    if (status.ok()) *reply = *std::move(answer);
    reactor->Finish(ToGrpc(status));
  });
}

template <class Request, class Reply>
grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, const Request& request,
                                Reply* reply, Coordinator& coordinator,
                                void (Coordinator::*method)(const Request&, Callback<Reply>)) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  Answer(reactor, request, reply, coordinator, method);
  return reactor;
}

// A call that tells when its caller has gone; one that has waited for too long has not. Lives until
// the answer has been sent, or dropped.
class WatchCall : public grpc::ServerUnaryReactor {
 public:
  WatchCall(const pb::WatchRequest& request, std::chrono::system_clock::time_point deadline,
            const CoordinatorService::OnGone& on_gone)
      : request_(request), deadline_(deadline), on_gone_(on_gone) {}
  void OnCancel() override {
    if (std::chrono::system_clock::now() < deadline_) on_gone_(request_);
  }
  void OnDone() override { delete this; }

 private:
  const pb::WatchRequest request_;
  const std::chrono::system_clock::time_point deadline_;
  const CoordinatorService::OnGone& on_gone_;
};

}  // namespace

grpc::ServerUnaryReactor* CoordinatorService::Join(grpc::CallbackServerContext* context,
                                                   const pb::JoinRequest* request,
                                                   pb::JoinReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::Join);
}

grpc::ServerUnaryReactor* CoordinatorService::Heartbeat(grpc::CallbackServerContext* context,
                                                        const pb::HeartbeatRequest* request,
                                                        pb::HeartbeatReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::Heartbeat);
}

grpc::ServerUnaryReactor* CoordinatorService::Watch(grpc::CallbackServerContext* context,
                                                    const pb::WatchRequest* request,
                                                    pb::WatchReply* reply) {
  auto* call = new WatchCall(*request, context->deadline(), on_gone_);  // its own: see OnDone
  Answer(call, *request, reply, coordinator_, &Coordinator::Watch);
  return call;
}

grpc::ServerUnaryReactor* CoordinatorService::ReportTask(grpc::CallbackServerContext* context,
                                                         const pb::TaskReport* request,
                                                         pb::TaskReportReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::ReportTask);
}

grpc::ServerUnaryReactor* CoordinatorService::Submit(grpc::CallbackServerContext* context,
                                                     const pb::SubmitRequest* request,
                                                     pb::SubmitReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::Submit);
}

grpc::ServerUnaryReactor* CoordinatorService::GetJob(grpc::CallbackServerContext* context,
                                                     const pb::GetJobRequest* request,
                                                     pb::GetJobReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::GetJob);
}

grpc::ServerUnaryReactor* CoordinatorService::ListJobs(grpc::CallbackServerContext* context,
                                                       const pb::ListJobsRequest* request,
                                                       pb::ListJobsReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::ListJobs);
}

grpc::ServerUnaryReactor* CoordinatorService::ListNodes(grpc::CallbackServerContext* context,
                                                        const pb::ListNodesRequest* request,
                                                        pb::ListNodesReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::ListNodes);
}

grpc::ServerUnaryReactor* CoordinatorService::Drain(grpc::CallbackServerContext* context,
                                                    const pb::DrainRequest* request,
                                                    pb::DrainReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::Drain);
}

grpc::ServerUnaryReactor* CoordinatorService::Cancel(grpc::CallbackServerContext* context,
                                                     const pb::CancelRequest* request,
                                                     pb::CancelReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::Cancel);
}

grpc::ServerUnaryReactor* CoordinatorService::SetJob(grpc::CallbackServerContext* context,
                                                     const pb::SetJobRequest* request,
                                                     pb::SetJobReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::SetJob);
}

grpc::ServerUnaryReactor* CoordinatorService::ChangeCheckpoint(
    grpc::CallbackServerContext* context, const pb::ChangeCheckpointRequest* request,
    pb::ChangeCheckpointReply* reply) {
  return Serve(context, *request, reply, coordinator_, &Coordinator::ChangeCheckpoint);
}

}  // namespace paracord
