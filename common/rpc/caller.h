// Unary calls to one peer, as raw bytes: what the stubs of all conversations are made of.   [door:
// gRPC]
#pragma once

#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/coordinator.h"
#include "common/rpc/poller.h"
#include "common/rpc/wire.h"

namespace paracord {

class Caller {
 public:
  using Done = std::function<void(absl::Status, const grpc::ByteBuffer&)>;

  // `who` ("server") and `address` (HOST:PORT) name the peer in errors of the connection; an answer
  // speaks for itself. Connects when first used and again whenever needed.
  Caller(const std::string& who, const std::string& address, std::shared_ptr<Poller> poller);
  // Cancels what is under way and waits for the callbacks: not from inside one.
  ~Caller();

  // `method`: "/package.Service/Method". `done` is called once, on a polling thread.
  void Call(const char* method, const grpc::ByteBuffer& request, std::chrono::milliseconds deadline,
            Done done);

 private:
  struct Pending;

  void Enter(grpc::ClientContext* context, std::chrono::milliseconds deadline);
  void Leave(grpc::ClientContext* context);
  absl::Status Explain(const grpc::Status& status) const;

  const std::string peer_;
  const std::shared_ptr<Poller> poller_;
  grpc::GenericStub stub_;
  Mutex mutex_;
  CondVar drained_;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

// A `done` that decodes the answer for `reply`.
template <class Reply>
Caller::Done DecodeFor(Callback<Reply> reply) {
  return [reply = std::move(reply)](absl::Status status, const grpc::ByteBuffer& bytes) {
    Reply message;
    if (status.ok()) status = DecodePlain(bytes, &message);
    if (status.ok()) {
      reply(std::move(message));
    } else {
      reply(status);
    }
  };
}

}  // namespace paracord
