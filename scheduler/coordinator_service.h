// Hands gRPC calls to a Coordinator and its answers back. Handlers run on gRPC's threads and return
// at once. Every process has a Watch call open all the time: when that is cancelled, its connection
// has most likely ended.   [door: gRPC]
#pragma once

#include <functional>

#include "common/rpc/coordinator.h"
#include "proto/coordinator.grpc.pb.h"

namespace paracord {

class CoordinatorService : public pb::Coordinator::CallbackService {
 public:
  // The asker of a Watch has gone before it was answered; on gRPC's threads.
  using OnGone = std::function<void(const pb::WatchRequest&)>;
  // `coordinator` outlives the gRPC server.
  explicit CoordinatorService(
      Coordinator& coordinator, OnGone on_gone = [](const pb::WatchRequest&) {})
      : coordinator_(coordinator), on_gone_(std::move(on_gone)) {}

  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const pb::JoinRequest* request, pb::JoinReply* reply) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const pb::HeartbeatRequest* request,
                                      pb::HeartbeatReply* reply) override;
  grpc::ServerUnaryReactor* Watch(grpc::CallbackServerContext* context,
                                  const pb::WatchRequest* request, pb::WatchReply* reply) override;
  grpc::ServerUnaryReactor* ReportTask(grpc::CallbackServerContext* context,
                                       const pb::TaskReport* request,
                                       pb::TaskReportReply* reply) override;
  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const pb::SubmitRequest* request,
                                   pb::SubmitReply* reply) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const pb::GetJobRequest* request,
                                   pb::GetJobReply* reply) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const pb::ListJobsRequest* request,
                                     pb::ListJobsReply* reply) override;
  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* context,
                                      const pb::ListNodesRequest* request,
                                      pb::ListNodesReply* reply) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const pb::DrainRequest* request, pb::DrainReply* reply) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context,
                                   const pb::CancelRequest* request,
                                   pb::CancelReply* reply) override;
  grpc::ServerUnaryReactor* SetJob(grpc::CallbackServerContext* context,
                                   const pb::SetJobRequest* request,
                                   pb::SetJobReply* reply) override;
  grpc::ServerUnaryReactor* ChangeCheckpoint(grpc::CallbackServerContext* context,
                                             const pb::ChangeCheckpointRequest* request,
                                             pb::ChangeCheckpointReply* reply) override;

 private:
  Coordinator& coordinator_;
  const OnGone on_gone_;
};

}  // namespace paracord
