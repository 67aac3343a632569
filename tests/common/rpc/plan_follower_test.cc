#include "common/rpc/plan_follower.h"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "tests/common/rpc/fake_coordinator.h"
#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

struct Fixture {
  FakeCoordinator coordinator;
  ManualTimer timer;
  std::vector<uint64_t> seen;
  std::vector<absl::StatusCode> refused;
  std::unique_ptr<PlanFollower> follower;

  Fixture() {
    pb::WatchRequest who;
    who.set_job("job-1");
    follower = std::make_unique<PlanFollower>(
        coordinator, timer, who, [this](const pb::WatchReply& r) { seen.push_back(r.revision()); },
        [this](const absl::Status& status) { refused.push_back(status.code()); });
  }
  void Answer(uint64_t revision) {
    pb::WatchReply reply;
    reply.set_revision(revision);
    FakeCoordinator::Reply(coordinator.watches, reply);
    timer.Advance(Duration::zero());
  }
  void Refuse(const absl::Status& status) { FakeCoordinator::Reply(coordinator.watches, status); }
};

TEST_CASE("each new revision is handed on once, and is what is asked from next") {
  Fixture f;
  REQUIRE(f.coordinator.watches.size() == 1);
  CHECK(f.coordinator.watches[0].request.job() == "job-1");
  CHECK(f.coordinator.watches[0].request.revision() == 0);
  f.Answer(7);
  REQUIRE(f.coordinator.watches.size() == 1);
  CHECK(f.coordinator.watches[0].request.revision() == 7);
  f.Answer(7);  // nothing new
  f.Answer(3);  // another scheduler's count
  CHECK(f.seen == std::vector<uint64_t>{7, 3});
  CHECK(f.coordinator.watches[0].request.revision() == 3);
}

TEST_CASE("an absent scheduler is asked again every 100 ms, for ever") {
  Fixture f;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(f.coordinator.watches.size() == 1);
    f.Refuse(i % 2 == 0 ? absl::UnavailableError("gone") : absl::DeadlineExceededError("late"));
    f.timer.Advance(milliseconds(99));
    REQUIRE(f.coordinator.watches.empty());
    f.timer.Advance(milliseconds(1));
  }
  CHECK(f.refused.empty());
  f.Answer(1);
  CHECK(f.seen == std::vector<uint64_t>{1});
}

TEST_CASE("who is not known is told; following goes on") {
  Fixture f;
  f.Refuse(absl::NotFoundError("who?"));
  f.timer.Advance(milliseconds(100));
  f.Refuse(absl::InternalError("broken"));
  f.timer.Advance(milliseconds(100));
  CHECK(f.refused == std::vector<absl::StatusCode>{absl::StatusCode::kNotFound});
  CHECK(f.coordinator.watches.size() == 1);
}

TEST_CASE("an answer that comes after the follower has gone touches nothing") {
  Fixture f;
  f.follower = nullptr;
  f.Answer(5);
  CHECK(f.seen.empty());
  CHECK(f.coordinator.watches.empty());
  CHECK(f.timer.pending() == 0);
}

TEST_CASE("a follower that goes during its pause does not ask again") {
  Fixture f;
  f.Refuse(absl::UnavailableError("gone"));
  f.follower = nullptr;
  f.timer.Advance(seconds(1));
  CHECK(f.coordinator.watches.empty());
}

}  // namespace
}  // namespace paracord
