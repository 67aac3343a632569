#include "common/rpc/remote_coordinator.h"

#include <atomic>
#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace paracord
