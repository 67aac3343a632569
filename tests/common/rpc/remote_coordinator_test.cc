#include "common/rpc/remote_coordinator.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "common/base/timer.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wait.h"
#include "proto/coordinator.grpc.pb.h"

namespace paracord {
namespace {

TEST_CASE("a coordinator that goes first ends each call under way, once") {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> answered{0};
    auto coordinator = MakeRemoteCoordinator("127.0.0.1:1");  // nobody there
    for (int i = 0; i < 8; ++i) {
      coordinator->GetJob(pb::GetJobRequest(), [&](const absl::StatusOr<pb::GetJobReply>& reply) {
        answered += reply.ok() ? 100 : 1;
      });
    }
    coordinator.reset();
    CHECK(answered == 8);
  }
}

// Takes members in, and answers no heartbeat before its caller has given up.
class StuckScheduler : public pb::Coordinator::Service {
 public:
  grpc::Status Join(grpc::ServerContext*, const pb::JoinRequest*, pb::JoinReply* reply) override {
    reply->set_lease_ms(600);
    return grpc::Status::OK;
  }
  grpc::Status Heartbeat(grpc::ServerContext* context, const pb::HeartbeatRequest*,
                         pb::HeartbeatReply*) override {
    while (!context->IsCancelled()) std::this_thread::sleep_for(milliseconds(5));
    return grpc::Status::OK;
  }
};

TEST_CASE("a heartbeat without an answer is given up within half of the lease") {
  StuckScheduler scheduler;
  grpc::ServerBuilder builder;
  Listening listening{"127.0.0.1:0"};
  Listen(builder, listening);
  builder.RegisterService(&scheduler);
  const auto server = builder.BuildAndStart();
  REQUIRE(CheckBound(server.get(), listening).ok());
  const auto coordinator = MakeRemoteCoordinator(AdvertisedAddress(listening, ""));
  const auto joined = Await<pb::JoinReply>(
      [&](auto done) { coordinator->Join(pb::JoinRequest(), std::move(done)); });
  REQUIRE(joined.ok());
  const TimePoint begun = Clock::now();
  const auto beat = Await<pb::HeartbeatReply>(
      [&](auto done) { coordinator->Heartbeat(pb::HeartbeatRequest(), std::move(done)); });
  CHECK(absl::IsDeadlineExceeded(beat.status()));
  CHECK(Clock::now() - begun >= milliseconds(290));
  CHECK(Clock::now() - begun < seconds(3));
  server->Shutdown(std::chrono::system_clock::now() + seconds(5));
}

}  // namespace
}  // namespace paracord
