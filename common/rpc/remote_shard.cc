#include "common/rpc/remote_shard.h"

#include <utility>

#include "common/base/status.h"
#include "common/rpc/caller.h"
#include "common/rpc/wire.h"

namespace paracord {
namespace {

constexpr auto kDataDeadline =
    std::chrono::seconds(15);  // the server gives up a parked pull after 10
constexpr auto kQueryDeadline = std::chrono::seconds(5);

Caller::Done FloatsTo(Callback<Payload> done) {
  return [done = std::move(done)](absl::Status status, const grpc::ByteBuffer& reply) {
    pb::PullReplyHeader header;
    Payload floats;
    if (status.ok() && reply.Length() > 0) status = DecodeMessage(reply, &header, &floats);
    if (status.ok()) {
      done(std::move(floats));
    } else {
      done(status);
    }
  };
}

class RemoteShard : public Shard {
 public:
  RemoteShard(const std::string& address, std::shared_ptr<Poller> poller)
      : caller_("server", address, std::move(poller)) {}

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    caller_.Call("/paracord.pb.Shard/Push", EncodeMessage(header, floats), kDataDeadline,
                 FloatsTo(std::move(done)));
  }

  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    caller_.Call("/paracord.pb.Shard/Pull", EncodeMessage(header, Payload()), kDataDeadline,
                 FloatsTo(std::move(done)));
  }

  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    caller_.Call("/paracord.pb.Shard/Query", EncodePlain(request), kQueryDeadline,
                 DecodeFor<pb::QueryReply>(std::move(done)));
  }

 private:
  Caller caller_;
};

}  // namespace

std::unique_ptr<Shard> MakeRemoteShard(const std::string& address, std::shared_ptr<Poller> poller) {
  return std::make_unique<RemoteShard>(address, std::move(poller));
}

std::unique_ptr<Shard> MakeRemoteShard(const std::string& address) {
  return MakeRemoteShard(address, std::make_shared<Poller>());
}

}  // namespace paracord
