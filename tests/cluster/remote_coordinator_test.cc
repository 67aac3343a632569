#include "common/rpc/remote_coordinator.h"

#include <catch2/catch.hpp>
#include <future>

namespace paracord {
namespace {

// The answer is still being handled when its coordinator goes, so the call holds the last channel
// and lets it go on gRPC's own thread.
TEST_CASE("a coordinator may go while an answer to it is being handled", "[cluster]") {
  for (int round = 0; round < 20; ++round) {
    auto coordinator = MakeRemoteCoordinator("127.0.0.1:1");  // nobody there
    std::promise<void> handling, gone;
    std::promise<absl::Status> handled;
    coordinator->GetJob(pb::GetJobRequest(), [&](const absl::StatusOr<pb::GetJobReply>& reply) {
      handling.set_value();
      gone.get_future().wait();
      handled.set_value(reply.status());
    });
    handling.get_future().wait();
    coordinator.reset();
    gone.set_value();
    CHECK(absl::IsUnavailable(handled.get_future().get()));
  }
}

}  // namespace
}  // namespace paracord
