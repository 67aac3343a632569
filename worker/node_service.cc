#include "worker/node_service.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "proto/worker.grpc.pb.h"
#include "worker/message_socket.h"
#include "worker/task_keeper.h"

namespace paracord {
namespace {

constexpr uint64_t kMostBytes = 256 * 1024;

// A job's id comes from outside: it must not lead out of the logs' folder.
bool PlainName(const std::string& job) {
  return !job.empty() && job[0] != '.' && job.find('/') == std::string::npos;
}

absl::StatusOr<pb::ReadLogReply> ReadLog(const std::string& directory,
                                         const pb::ReadLogRequest& request) {
  const std::string path = TaskKeeper::LogPath(directory, request.job(), request.rank());
  std::ifstream in;
  if (PlainName(request.job())) in.open(path, std::ios::binary | std::ios::ate);
  if (!in.is_open()) {
    return absl::NotFoundError(absl::StrCat("no log of task ", request.rank(), " of job ",
                                            request.job(), " on this worker"));
  }
  const uint64_t size = static_cast<uint64_t>(in.tellg());
  const uint64_t offset = std::min(request.offset(), size);
  pb::ReadLogReply reply;
  std::string& data = *reply.mutable_data();
  data.resize(std::min(size - offset, kMostBytes));
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(data.data(), static_cast<std::streamsize>(data.size()));
  data.resize(static_cast<size_t>(in.gcount()));
  reply.set_next_offset(offset + data.size());
  return reply;
}

class Service : public pb::WorkerNode::CallbackService {
 public:
  explicit Service(const PredictCalls::Options& predict)
      : directory_(predict.directory), predict_(predict) {}
  grpc::ServerUnaryReactor* ReadLog(grpc::CallbackServerContext* context,
                                    const pb::ReadLogRequest* request,
                                    pb::ReadLogReply* reply) override {
    auto* reactor = context->DefaultReactor();
    auto answer = paracord::ReadLog(directory_, *request);
    if (answer.ok()) *reply = *std::move(answer);
    reactor->Finish(ToGrpc(answer.status()));
    return reactor;
  }
  PredictCalls::Reactor* Predict(grpc::CallbackServerContext* context) override {
    return predict_.Accept(context);
  }

 private:
  const std::string directory_;
  PredictCalls predict_;
};

class RunningService : public NodeService {
 public:
  explicit RunningService(const PredictCalls::Options& predict) : service_(predict) {}
  absl::Status Listen(const std::string& bind, const std::string& advertise) {
    RETURN_IF_ERROR(CheckFree(bind));
    grpc::ServerBuilder builder;
    Listening listening{bind};
    paracord::Listen(builder, listening);
    builder.SetMaxReceiveMessageSize(kMostMessageBytes);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    RETURN_IF_ERROR(CheckBound(server_.get(), listening));
    address_ = AdvertisedAddress(listening, advertise);
    return absl::OkStatus();
  }
  ~RunningService() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }
  std::string address() const override { return address_; }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NodeService>> NodeService::Start(
    const std::string& bind, const std::string& advertise, const PredictCalls::Options& predict) {
  auto service = std::make_unique<RunningService>(predict);
  RETURN_IF_ERROR(service->Listen(bind, advertise));
  return std::unique_ptr<NodeService>(std::move(service));
}

}  // namespace paracord
