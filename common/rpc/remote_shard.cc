#include "common/rpc/remote_shard.h"

#include <grpcpp/generic/generic_stub.h>

#include <set>
#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wire.h"

namespace paracord {

// A call that the completion queue hands back when it has ended.
class DataCall {
 public:
  virtual ~DataCall() = default;
  virtual void Finished() = 0;  // once, on the polling thread; may delete itself
};

class DataPoller {
 public:
  DataPoller() : thread_([this] { Poll(); }) {}
  ~DataPoller() {
    queue_.Shutdown();
    thread_.join();
  }
  grpc::CompletionQueue& queue() { return queue_; }

 private:
  void Poll() {
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) static_cast<DataCall*>(tag)->Finished();
  }

  grpc::CompletionQueue queue_;
  std::thread thread_;
};

namespace {

constexpr auto kPushDeadline = std::chrono::seconds(10);
constexpr auto kPullDeadline =
    std::chrono::seconds(15);  // the server gives up a parked pull after 10
constexpr auto kQueryDeadline = std::chrono::seconds(5);

using Done = std::function<void(absl::Status, const grpc::ByteBuffer&)>;

class RemoteShard : public Shard {
 public:
  RemoteShard(const std::string& address, std::shared_ptr<DataPoller> poller)
      : address_(address),
        poller_(std::move(poller)),
        channel_(OpenChannel(address)),
        generic_(channel_) {}

  ~RemoteShard() override {
    MutexLock lock(mutex_);
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    while (!contexts_.empty()) drained_.Wait(mutex_);
  }

  void Push(const pb::PushHeader& header, Payload floats,
            std::function<void(absl::Status)> done) override {
    Start("/paracord.pb.Shard/Push", EncodeMessage(header, floats), kPushDeadline,
          [done = std::move(done)](absl::Status status, const grpc::ByteBuffer&) { done(status); });
  }

  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    Start("/paracord.pb.Shard/Pull", EncodeMessage(header, Payload()), kPullDeadline,
          [done = std::move(done)](absl::Status status, const grpc::ByteBuffer& reply) {
            pb::PullReplyHeader reply_header;
            Payload floats;
            if (status.ok()) status = DecodeMessage(reply, &reply_header, &floats);
            if (status.ok()) {
              done(std::move(floats));
            } else {
              done(status);
            }
          });
  }

  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    Start("/paracord.pb.Shard/Query", EncodePlain(request), kQueryDeadline,
          [done = std::move(done)](absl::Status status, const grpc::ByteBuffer& reply) {
            pb::QueryReply answer;
            if (status.ok()) status = DecodePlain(reply, &answer);
            if (status.ok()) {
              done(std::move(answer));
            } else {
              done(status);
            }
          });
  }

 private:
  struct Call : DataCall {
    explicit Call(RemoteShard* owner) : shard(owner) {}
    void Finished() override {
      done(status.ok() ? absl::OkStatus() : shard->Explain(status), reply);
      done = nullptr;
      RemoteShard* owner = shard;
      owner->Leave(&context);
      delete this;
    }
    RemoteShard* shard;
    grpc::ClientContext context;
    grpc::ByteBuffer reply;
    grpc::Status status;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    Done done;
  };

  void Start(const char* method, const grpc::ByteBuffer& request, std::chrono::seconds deadline,
             Done done) {
    auto* call = new Call(this);  // deletes itself in Finished
    call->done = std::move(done);
    Enter(&call->context, deadline);
    call->reader = generic_.PrepareUnaryCall(&call->context, method, request, &poller_->queue());
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call);
  }

  void Enter(grpc::ClientContext* context, std::chrono::seconds deadline) {
    context->set_deadline(std::chrono::system_clock::now() + deadline);
    MutexLock lock(mutex_);
    contexts_.insert(context);
  }
  void Leave(grpc::ClientContext* context) {
    MutexLock lock(mutex_);
    contexts_.erase(context);
    if (contexts_.empty()) drained_.NotifyAll();
  }

  absl::Status Explain(const grpc::Status& status) const {
    const absl::Status out = FromGrpc(status);
    if (!absl::IsUnavailable(out) && !absl::IsDeadlineExceeded(out)) return out;
    return Annotate(out, absl::StrCat("server at ", address_));
  }

  const std::string address_;
  const std::shared_ptr<DataPoller> poller_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub generic_;
  Mutex mutex_;
  CondVar drained_;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<DataPoller> MakeDataPoller() { return std::make_shared<DataPoller>(); }

std::unique_ptr<Shard> MakeRemoteShard(const std::string& address,
                                       std::shared_ptr<DataPoller> poller) {
  return std::make_unique<RemoteShard>(address, std::move(poller));
}

std::unique_ptr<Shard> MakeRemoteShard(const std::string& address) {
  return MakeRemoteShard(address, MakeDataPoller());
}

}  // namespace paracord
