#include "common/rpc/caller.h"

#include <utility>

#include "common/base/status.h"
#include "common/rpc/rpc.h"

namespace paracord {

struct Caller::Pending : Poller::Event {
  explicit Pending(Caller* caller) : owner(caller) {}
  void Happened(bool) override {
    done(status.ok() ? absl::OkStatus() : owner->Explain(status), reply);
    done = nullptr;  // what it holds goes before the owner may
    Caller* const caller = owner;
    caller->Leave(&context);
    delete this;
  }
  Caller* const owner;
  grpc::ClientContext context;
  grpc::ByteBuffer reply;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Done done;
};

Caller::Caller(const std::string& who, const std::string& address, std::shared_ptr<Poller> poller)
    : peer_(absl::StrCat(who, " at ", address)),
      poller_(std::move(poller)),
      stub_(OpenChannel(address)) {}

Caller::~Caller() {
  MutexLock lock(mutex_);
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  while (!contexts_.empty()) drained_.Wait(mutex_);
}

void Caller::Call(const char* method, const grpc::ByteBuffer& request,
                  std::chrono::milliseconds deadline, Done done) {
  auto* call = new Pending(this);  // deletes itself when it has happened
  call->done = std::move(done);
  Enter(&call->context, deadline);
  call->reader = stub_.PrepareUnaryCall(&call->context, method, request, poller_->queue());
  call->reader->StartCall();
  call->reader->Finish(&call->reply, &call->status, call->Tag());
}

void Caller::Enter(grpc::ClientContext* context, std::chrono::milliseconds deadline) {
  context->set_deadline(std::chrono::system_clock::now() + deadline);
  MutexLock lock(mutex_);
  contexts_.insert(context);
}

void Caller::Leave(grpc::ClientContext* context) {
  MutexLock lock(mutex_);
  contexts_.erase(context);
  if (contexts_.empty()) drained_.NotifyAll();
}

absl::Status Caller::Explain(const grpc::Status& status) const {
  const absl::Status out = FromGrpc(status);
  if (!absl::IsUnavailable(out) && !absl::IsDeadlineExceeded(out)) return out;
  return Annotate(out, peer_);
}

}  // namespace paracord
