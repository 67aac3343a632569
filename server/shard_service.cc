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

constexpr int kPendingCalls = 32;  // of each method and queue, waiting to be matched with an arriving message
constexpr auto kGrace = std::chrono::milliseconds(200);

using RawService = pb::Shard::WithRawMethod_Push<
    pb::Shard::WithRawMethod_Pull<pb::Shard::WithCallbackMethod_Query<pb::Shard::Service>>>;

class Service : public RawService {
 public:
  explicit Service(Shard& shard) : shard_(shard) {}
  Shard& shard() { return shard_; }

  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext* context, const pb::QueryRequest* request,
                                  pb::QueryReply* reply) override {
    auto* reactor = context->DefaultReactor();
    shard_.Query(*request, [reactor, reply](absl::StatusOr<pb::QueryReply> answer) {
      if (answer.ok()) *reply = *std::move(answer);
      reactor->Finish(ToGrpc(answer.status()));
    });
    return reactor;
  }

 private:
  Shard& shard_;
};

// One call of either method: asked for, arrived, answered, gone. The queue hands it back after the first and the last.
class DataCall {
 public:
  enum class Method { kPush, kPull };
  DataCall(Method method, Service& service, grpc::ServerCompletionQueue& queue)
      : method_(method), service_(service), queue_(queue), responder_(&context_) {
    if (method == Method::kPush) {
      service.RequestPush(&context_, &request_, &responder_, &queue, &queue, this);
    } else {
      service.RequestPull(&context_, &request_, &responder_, &queue, &queue, this);
    }
  }

  // On the polling thread. `ok` false: the queue is shutting down, or the answer did not go out.
  void Proceed(bool ok) {
    if (answered_ || !ok) {
      delete this;
      return;
    }
    new DataCall(method_, service_, queue_);  // deletes itself, like this one
    answered_ = true;
    if (method_ == Method::kPush) {
      Push();
    } else {
      Pull();
    }
  }

 private:
  void Push() {
    pb::PushHeader header;
    Payload floats;
    const absl::Status status = DecodeMessage(request_, &header, &floats);
    request_.Clear();
    if (!status.ok()) return Answer(status, Payload());
    service_.shard().Push(header, std::move(floats),
                          [this](const absl::Status& s) { Answer(s, Payload()); });
  }
  void Pull() {
    pb::PullHeader header;
    Payload none;
    const absl::Status status = DecodeMessage(request_, &header, &none);
    if (!status.ok()) return Answer(status, Payload());
    version_ = header.version();
    service_.shard().Pull(header, [this](absl::StatusOr<Payload> reply) {
      Answer(reply.status(), reply.ok() ? *reply : Payload());
    });
  }
  void Answer(const absl::Status& status, const Payload& floats) {
    if (!status.ok()) {
      responder_.FinishWithError(ToGrpc(status), this);
    } else if (method_ == Method::kPush) {
      responder_.Finish(grpc::ByteBuffer(), grpc::Status::OK, this);
    } else {
      pb::PullReplyHeader header;
      header.set_version(version_);
      responder_.Finish(EncodeMessage(header, floats), grpc::Status::OK, this);
    }
  }

  const Method method_;
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_;
  uint64_t version_ = 0;
  bool answered_ = false;
};

class RunningService : public ShardService {
 public:
  explicit RunningService(Shard& shard) : service_(shard) {}

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
        new DataCall(DataCall::Method::kPush, service_, *queue);
        new DataCall(DataCall::Method::kPull, service_, *queue);
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

  Service service_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::thread> threads_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ShardService>> ShardService::Start(Shard& shard, const std::string& bind,
                                                                  const std::string& advertise,
                                                                  int polling_threads) {
  RETURN_IF_ERROR(SplitAddress(bind).status());
  auto service = std::make_unique<RunningService>(shard);
  RETURN_IF_ERROR(service->Listen(bind, advertise, polling_threads));
  return std::unique_ptr<ShardService>(std::move(service));
}

}  // namespace paracord
