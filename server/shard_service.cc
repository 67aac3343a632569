#include "server/shard_service.h"

#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wire.h"
#include "proto/shard.grpc.pb.h"

namespace paracord {
namespace {

constexpr int kPendingCalls = 64;  // of each method, waiting to be matched with an arriving message
constexpr auto kGrace = std::chrono::milliseconds(200);

using RawService =
    pb::Shard::WithRawMethod_Push<pb::Shard::WithRawMethod_Pull<pb::Shard::WithRawMethod_Query<
        pb::Shard::WithRawMethod_Lease<pb::Shard::WithRawMethod_Norm<pb::Shard::Service>>>>>;

// What must be over before the queue may go: calls that wait for their answer, and new ones being
// asked for.
class OpenCalls {
 public:
  // False: take no more.
  bool Arrive() {
    MutexLock lock(mutex_);
    ++open_;
    return !closed_;
  }
  void Leave() {
    MutexLock lock(mutex_);
    --open_;
    left_.NotifyAll();
  }
  // From now on Arrive says no.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  void AwaitNone() {
    MutexLock lock(mutex_);
    while (open_ > 0) left_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar left_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One call of any method: asked for, arrived, answered, gone. The queue hands it back after the
// first and the last.
class DataCall : public Poller::Event {
 public:
  enum class Method { kPush, kPull, kQuery, kLease, kNorm };
  DataCall(Method method, RawService& service, Shard& shard, grpc::ServerCompletionQueue* queue,
           OpenCalls& open)
      : method_(method),
        service_(service),
        shard_(shard),
        queue_(queue),
        open_(open),
        responder_(&context_) {
    switch (method) {
      case Method::kPush:
        service.RequestPush(&context_, &request_, &responder_, queue, queue, Tag());
        break;
      case Method::kPull:
        service.RequestPull(&context_, &request_, &responder_, queue, queue, Tag());
        break;
      case Method::kQuery:
        service.RequestQuery(&context_, &request_, &responder_, queue, queue, Tag());
        break;
      case Method::kLease:
        service.RequestLease(&context_, &request_, &responder_, queue, queue, Tag());
        break;
      case Method::kNorm:
        service.RequestNorm(&context_, &request_, &responder_, queue, queue, Tag());
        break;
    }
  }

  // `ok` false: the server is shutting down, or the answer did not go out.
  void Happened(bool ok) override {
    if (answered_ || !ok) {
      delete this;
      return;
    }
    const bool more = open_.Arrive();
    answered_ = true;
    if (!more) return Answer(absl::UnavailableError("the server is stopping"), grpc::ByteBuffer());
    new DataCall(method_, service_, shard_, queue_, open_);  // deletes itself, like this one
    switch (method_) {
      case Method::kPush:
        return Push();
      case Method::kPull:
        return Pull();
      case Method::kQuery:
        return Plain(&Shard::Query);
      case Method::kLease:
        return Plain(&Shard::Lease);
      case Method::kNorm:
        return Plain(&Shard::Norm);
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
                [this, version = AnsweredVersion(header)](const absl::StatusOr<Payload>& reply) {
                  if (reply.ok() && reply->size() == 0) {
                    return Answer(absl::OkStatus(), EncodePlain(pb::PushReply()));
                  }
                  AnswerFloats(version, reply);
                });
  }
  void Pull() {
    pb::PullHeader header;
    Payload none;
    const absl::Status status = DecodeMessage(request_, &header, &none);
    if (!status.ok()) return Answer(status, grpc::ByteBuffer());
    shard_.Pull(header, [this, version = header.version()](const absl::StatusOr<Payload>& reply) {
      AnswerFloats(version, reply);
    });
  }
  template <class Request, class Reply>
  void Plain(void (Shard::*method)(const Request&, Callback<Reply>)) {
    Request request;
    const absl::Status status = DecodePlain(request_, &request);
    if (!status.ok()) return Answer(status, grpc::ByteBuffer());
    (shard_.*method)(request, [this](const absl::StatusOr<Reply>& reply) {
      Answer(reply.status(), reply.ok() ? EncodePlain(*reply) : grpc::ByteBuffer());
    });
  }
  void AnswerFloats(uint64_t version, const absl::StatusOr<Payload>& reply) {
    pb::PullReplyHeader header;
    header.set_version(version);
    Answer(reply.status(), reply.ok() ? EncodeMessage(header, *reply) : grpc::ByteBuffer());
  }
  void Answer(const absl::Status& status, const grpc::ByteBuffer& reply) {
    OpenCalls& open = open_;  // this may be gone as soon as the answer is on its way
    if (status.ok()) {
      responder_.Finish(reply, grpc::Status::OK, Tag());
    } else {
      responder_.FinishWithError(ToGrpc(status), Tag());
    }
    open.Leave();
  }

  const Method method_;
  RawService& service_;
  Shard& shard_;
  grpc::ServerCompletionQueue* const queue_;
  OpenCalls& open_;
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
    auto queue = builder.AddCompletionQueue();
    grpc::ServerCompletionQueue* const calls = queue.get();
    server_ = builder.BuildAndStart();
    poller_ = std::make_shared<Poller>(std::move(queue), threads);
    if (absl::Status bound = CheckBound(server_.get(), listening); !bound.ok()) {
      server_.reset();
      return bound;
    }
    address_ = AdvertisedAddress(listening, advertise);
    for (int i = 0; i < kPendingCalls; ++i) {
      for (const auto method :
           {DataCall::Method::kPush, DataCall::Method::kPull, DataCall::Method::kQuery,
            DataCall::Method::kLease, DataCall::Method::kNorm}) {
        new DataCall(method, service_, shard_, calls, open_);
      }
    }
    return absl::OkStatus();
  }

  ~RunningService() override {
    open_.Close();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kGrace);
    open_.AwaitNone();
    if (poller_ != nullptr) poller_->Stop();  // the calls are gone before what they call
  }

  std::string address() const override { return address_; }
  std::shared_ptr<Poller> poller() const override { return poller_; }

 private:
  Shard& shard_;
  RawService service_;
  OpenCalls open_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<Poller> poller_;
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
