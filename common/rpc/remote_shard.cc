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
constexpr auto kVerifyDeadline = std::chrono::seconds(1800);  // every byte is read, behind others

// The floats of an answer, which are those of `version`. An empty answer has none.
absl::StatusOr<Payload> FloatsIn(const grpc::ByteBuffer& reply, uint64_t version) {
  Payload floats;
  if (reply.Length() == 0) return floats;
  pb::PullReplyHeader header;
  RETURN_IF_ERROR(DecodeMessage(reply, &header, &floats));
  if (header.version() != version) {
    return absl::InternalError(absl::StrCat("the server answered with version ", header.version(),
                                            " of the weights, expected ", version));
  }
  return floats;
}

Caller::Done FloatsTo(uint64_t version, Callback<Payload> done) {
  return
      [version, done = std::move(done)](const absl::Status& status, const grpc::ByteBuffer& reply) {
        if (status.ok()) {
          done(FloatsIn(reply, version));
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
                 FloatsTo(AnsweredVersion(header), std::move(done)));
  }

  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    caller_.Call("/paracord.pb.Shard/Pull", EncodeMessage(header, Payload()), kDataDeadline,
                 FloatsTo(header.version(), std::move(done)));
  }

  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    caller_.Call("/paracord.pb.Shard/Query", EncodePlain(request),
                 request.verify() ? kVerifyDeadline : kQueryDeadline,
                 DecodeFor<pb::QueryReply>(std::move(done)));
  }

  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    caller_.Call("/paracord.pb.Shard/Lease", EncodePlain(request), kQueryDeadline,
                 DecodeFor<pb::LeaseReply>(std::move(done)));
  }

  void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) override {
    caller_.Call("/paracord.pb.Shard/Norm", EncodePlain(request), kDataDeadline,
                 DecodeFor<pb::NormReply>(std::move(done)));
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
