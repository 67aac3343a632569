#include "server/shard_service.h"

#include <thread>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wire.h"
#include "proto/shard.grpc.pb.h"

namespace paracord {
namespace {

constexpr int kPendingCalls =
    32;  // of each method and queue, waiting to be matched with an arriving message
constexpr auto kGrace = std::chrono::milliseconds(200);

using RawService = pb::Shard::WithRawMethod_Push<
    pb::Shard::WithRawMethod_Pull<pb::Shard::WithRawMethod_Query<pb::Shard::Service>>>;

// One call of any method: asked for, arrived, answered, gone. The queue hands it back after the
// first and the last.
class DataCall {
 public:
  enum class Method { kPush, kPull, kQuery };
  DataCall(Method method, RawService& service, Shard& shard, grpc::ServerCompletionQueue& queue)
      : method_(method), service_(service), shard_(shard), queue_(queue), responder_(&context_) {
    switch (method) {
      case Method::kPush:
        service.RequestPush(&context_, &request_, &responder_, &queue, &queue, this);
        break;
      case Method::kPull:
        service.RequestPull(&context_, &request_, &responder_, &queue, &queue, this);
        break;
      case Method::kQuery:
        service.RequestQuery(&context_, &request_, &responder_, &queue, &queue, this);
        break;
    }
  }

  // On the polling thread. `ok` false: the queue is shutting down, or the answer did not go out.
  void Proceed(bool ok) {
    if (answered_ || !ok) {
      delete this;
      return;
    }
    new DataCall(method_, service_, shard_, queue_);  // deletes itself, like this one
    answered_ = true;
    switch (method_) {
      case Method::kPush:
        return Push();
      case Method::kPull:
        return Pull();
      case Method::kQuery:
        return Query();
    }
  }

 private:
  void Push() {
    pb::PushHeader header;
    Payload floats;
    const absl::Status status = DecodeMessage(request_, &header, &floats);
    request_.Clear();
    if (!status.ok()) return Answer(status, grpc::ByteBuffer());
    shard_.Push(header, std::move(floats),
                [this](const absl::Status& s) { Answer(s, grpc::ByteBuffer()); });
  }
  void Pull() {
    pb::PullHeader header;
    Payload none;
    const absl::Status status = DecodeMessage(request_, &header, &none);
    if (!status.ok()) return Answer(status, grpc::ByteBuffer());
    shard_.Pull(header, [this, version = header.version()](const absl::StatusOr<Payload>& reply) {
      pb::PullReplyHeader reply_header;
      reply_header.set_version(version);
      Answer(reply.status(), reply.ok() ? EncodeMessage(reply_header, *reply) : grpc::ByteBuffer());
    });
  }
  void Query() {
    pb::QueryRequest request;
    const absl::Status status = DecodePlain(request_, &request);
    if (!status.ok()) return Answer(status, grpc::ByteBuffer());
    shard_.Query(request, [this](const absl::StatusOr<pb::QueryReply>& reply) {
      Answer(reply.status(), reply.ok() ? EncodePlain(*reply) : grpc::ByteBuffer());
    });
  }
  void Answer(const absl::Status& status, const grpc::ByteBuffer& reply) {
    if (status.ok()) {
      responder_.Finish(reply.Valid() ? reply : EncodePlain(pb::PushReply()), grpc::Status::OK,
                        this);
    } else {
      responder_.FinishWithError(ToGrpc(status), this);
    }
  }

  const Method method_;
  RawService& service_;
  Shard& shard_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_;
  bool answered_ = false;
};

class RunningService : public ShardService {
 public:
  explicit RunningService(Shard& shard) : shard_(shard) {}

  absl::Status Listen(const std::string& bind, const std::string& advertise, int threads) {
    grpc::ServerBuilder builder;
    Listening listening{bind};
    paracord::Listen(builder, listening);
    builder.RegisterService(&service_);
    for (int i = 0; i < threads; ++i) queues_.push_back(builder.AddCompletionQueue());
    server_ = builder.BuildAndStart();
    if (absl::Status bound = CheckBound(server_.get(), listening); !bound.ok()) {
      server_.reset();
      return bound;
    }
    address_ = AdvertisedAddress(listening, advertise);
    for (const auto& queue : queues_) {
      for (int i = 0; i < kPendingCalls; ++i) {
        for (const auto method :
             {DataCall::Method::kPush, DataCall::Method::kPull, DataCall::Method::kQuery}) {
          new DataCall(method, service_, shard_, *queue);
        }
      }
      threads_.emplace_back([&queue] {
        void* tag;
        bool ok;
        while (queue->Next(&tag, &ok)) static_cast<DataCall*>(tag)->Proceed(ok);
      });
    }
    return absl::OkStatus();
  }

  ~RunningService() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kGrace);
    for (const auto& queue : queues_) queue->Shutdown();
    for (std::thread& thread : threads_) thread.join();
    if (threads_.empty()) Drain();
  }

  std::string address() const override { return address_; }

 private:
  void Drain() {  // never polled: a queue must still be emptied before it goes
    void* tag;
    bool ok;
    for (const auto& queue : queues_) {
      while (queue->Next(&tag, &ok)) {
      }
    }
  }

  Shard& shard_;
  RawService service_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::thread> threads_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ShardService>> ShardService::Start(Shard& shard,
                                                                  const std::string& bind,
                                                                  const std::string& advertise,
                                                                  int polling_threads) {
  RETURN_IF_ERROR(CheckFree(bind));
  auto service = std::make_unique<RunningService>(shard);
  RETURN_IF_ERROR(service->Listen(bind, advertise, polling_threads));
  return std::unique_ptr<ShardService>(std::move(service));
}

}  // namespace paracord
