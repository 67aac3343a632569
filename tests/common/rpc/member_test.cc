#include "common/rpc/member.h"

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
  uint64_t state = 0;  // what heartbeats carry
  std::vector<uint64_t> assignments;
  std::unique_ptr<Member> member;

  Fixture() {
    pb::JoinRequest self;
    self.set_name("server-0");
    self.set_incarnation(42);
    Member::Callbacks callbacks;
    callbacks.fill_join = [this](pb::JoinRequest* join) { join->set_memory_bytes(state); };
    callbacks.fill_heartbeat = [this](pb::HeartbeatRequest* heartbeat) {
      heartbeat->set_memory_used(state);
    };
    callbacks.on_assignments = [this](const pb::WatchReply& reply) {
      assignments.push_back(reply.revision());
    };
    member = std::make_unique<Member>(coordinator, timer, self, callbacks);
  }
  void AcceptJoin() {
    pb::JoinReply reply;
    reply.set_heartbeat_ms(250);
    FakeCoordinator::Reply(coordinator.joins, reply);
    timer.Advance(Duration::zero());
  }
  void AcceptHeartbeat() { FakeCoordinator::Reply(coordinator.heartbeats, pb::HeartbeatReply()); }
};

TEST_CASE("a member joins first, then sends its whole state at the scheduler's interval") {
  Fixture f;
  REQUIRE(f.coordinator.joins.size() == 1);
  CHECK(f.coordinator.joins[0].request.incarnation() == 42);
  CHECK(f.coordinator.heartbeats.empty());
  f.state = 5;
  f.AcceptJoin();
  REQUIRE(f.coordinator.heartbeats.size() == 1);
  CHECK(f.coordinator.heartbeats[0].request.name() == "server-0");
  CHECK(f.coordinator.heartbeats[0].request.incarnation() == 42);
  CHECK(f.coordinator.heartbeats[0].request.memory_used() == 5);
  f.AcceptHeartbeat();
  f.timer.Advance(milliseconds(249));
  CHECK(f.coordinator.heartbeats.empty());
  f.timer.Advance(milliseconds(1));
  CHECK(f.coordinator.heartbeats.size() == 1);
}

TEST_CASE("one call is under way at a time: a slow answer is waited for") {
  Fixture f;
  f.AcceptJoin();
  f.timer.Advance(seconds(60));
  CHECK(f.coordinator.heartbeats.size() == 1);
}

TEST_CASE("a member that the scheduler has forgotten joins again at once, with its new state") {
  Fixture f;
  f.AcceptJoin();
  f.state = 9;
  FakeCoordinator::Reply(f.coordinator.heartbeats, absl::NotFoundError("join again"));
  f.timer.Advance(Duration::zero());
  REQUIRE(f.coordinator.joins.size() == 1);
  CHECK(f.coordinator.joins[0].request.memory_bytes() == 9);
  CHECK(f.coordinator.joins[0].request.incarnation() == 42);
  f.AcceptJoin();
  CHECK(f.coordinator.heartbeats.size() == 1);
}

TEST_CASE("an absent scheduler is tried every 100 ms, before and after the member has joined") {
  Fixture f;
  for (int i = 0; i < 200; ++i) {
    REQUIRE(f.coordinator.joins.size() == 1);
    FakeCoordinator::Reply(f.coordinator.joins, absl::UnavailableError("gone"));
    f.timer.Advance(milliseconds(100));
  }
  f.AcceptJoin();
  for (int i = 0; i < 200; ++i) {
    REQUIRE(f.coordinator.heartbeats.size() == 1);
    FakeCoordinator::Reply(f.coordinator.heartbeats, absl::DeadlineExceededError("late"));
    f.timer.Advance(milliseconds(100));
  }
  CHECK(f.coordinator.joins.empty());  // a lease is not given up for silence
}

TEST_CASE("ReportNow sends a heartbeat at once, or right after the one under way") {
  Fixture f;
  f.AcceptJoin();
  f.AcceptHeartbeat();
  REQUIRE(f.coordinator.heartbeats.empty());
  f.member->ReportNow();
  REQUIRE(f.coordinator.heartbeats.size() == 1);
  f.state = 77;
  f.member->ReportNow();
  f.member->ReportNow();
  CHECK(f.coordinator.heartbeats.size() == 1);
  f.AcceptHeartbeat();
  f.timer.Advance(Duration::zero());
  REQUIRE(f.coordinator.heartbeats.size() == 1);
  CHECK(f.coordinator.heartbeats[0].request.memory_used() == 77);
  f.AcceptHeartbeat();
  f.timer.Advance(milliseconds(249));
  CHECK(f.coordinator.heartbeats.empty());
}

TEST_CASE("assignments come with each new revision, whatever heartbeats do") {
  Fixture f;
  REQUIRE(f.coordinator.watches.size() == 1);
  CHECK(f.coordinator.watches[0].request.name() == "server-0");
  CHECK(f.coordinator.watches[0].request.incarnation() == 42);
  for (const uint64_t revision : {3, 3, 4}) {
    pb::WatchReply reply;
    reply.set_revision(revision);
    FakeCoordinator::Reply(f.coordinator.watches, reply);
    f.timer.Advance(Duration::zero());
  }
  CHECK(f.assignments == std::vector<uint64_t>{3, 4});
}

TEST_CASE("Leave sends one last heartbeat that says so, and nothing follows") {
  Fixture f;
  f.AcceptJoin();
  f.AcceptHeartbeat();
  f.coordinator.answer_heartbeats = true;
  f.member->Leave();
  REQUIRE(f.coordinator.heartbeats.size() == 1);
  CHECK(f.coordinator.heartbeats[0].request.leaving());
  f.member->ReportNow();
  f.timer.Advance(seconds(10));
  CHECK(f.coordinator.heartbeats.size() == 1);
}

TEST_CASE("a member that never joined leaves without a word") {
  Fixture f;
  f.member->Leave();
  CHECK(f.coordinator.heartbeats.empty());
}

TEST_CASE("after a member has gone, late answers start nothing") {
  Fixture f;
  f.AcceptJoin();
  f.member = nullptr;
  f.AcceptHeartbeat();
  pb::WatchReply reply;
  reply.set_revision(1);
  FakeCoordinator::Reply(f.coordinator.watches, reply);
  f.timer.Advance(seconds(10));
  CHECK(f.coordinator.heartbeats.empty());
  CHECK(f.assignments.empty());
  CHECK(f.timer.pending() == 0);
}

}  // namespace
}  // namespace paracord
