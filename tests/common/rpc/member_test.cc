#include "common/rpc/member.h"

#include <catch2/catch.hpp>
#include <memory>
#include <thread>
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
  std::vector<absl::Status> refused;
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
    callbacks.on_refused = [this](const absl::Status& why) { refused.push_back(why); };
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
  f.state = GENERATE(0, 1);  // 1: its join has no answer yet
  if (f.state == 0) FakeCoordinator::Reply(f.coordinator.joins, absl::UnavailableError("nobody"));
  const TimePoint begun = Clock::now();
  f.member->Leave();
  CHECK(Clock::now() - begun < (f.state == 0 ? milliseconds(400) : milliseconds(1900)));
  CHECK(f.coordinator.heartbeats.empty());
  CHECK(f.coordinator.joins.size() == f.state);
}

TEST_CASE("a member that the scheduler has forgotten joins once more to say that it leaves") {
  Fixture f;
  f.AcceptJoin();
  f.AcceptHeartbeat();
  f.coordinator.answer_heartbeats = f.coordinator.answer_joins = true;
  f.state = 7;
  SECTION("it hears so only when it leaves") { f.coordinator.known = false; }
  SECTION("it knows already, and was about to join again") {
    f.member->ReportNow();
    f.coordinator.heartbeats.clear();
    f.coordinator.answer_heartbeats = false;
    f.timer.Advance(milliseconds(250));
    REQUIRE(f.coordinator.heartbeats.size() == 1);
    FakeCoordinator::Reply(f.coordinator.heartbeats, absl::NotFoundError("join again"));
    f.coordinator.answer_heartbeats = true;
  }
  const TimePoint begun = Clock::now();
  f.member->Leave();
  CHECK(Clock::now() - begun < seconds(2));
  REQUIRE(f.coordinator.joins.size() == 1);
  CHECK(f.coordinator.joins[0].request.memory_bytes() == 7);  // with its state
  REQUIRE(!f.coordinator.heartbeats.empty());
  CHECK(f.coordinator.heartbeats.back().request.leaving());
  CHECK(f.coordinator.known);
}

TEST_CASE("a join that is under way when its member leaves is waited for, and then taken back") {
  Fixture f;
  f.coordinator.answer_heartbeats = true;
  std::thread late([&] {
    std::this_thread::sleep_for(milliseconds(100));
    FakeCoordinator::Reply(f.coordinator.joins, pb::JoinReply());
  });
  f.member->Leave();
  late.join();
  REQUIRE(f.coordinator.heartbeats.size() == 1);
  CHECK(f.coordinator.heartbeats[0].request.leaving());
}

TEST_CASE("a scheduler that stays away does not hold up a stop, though the member had joined") {
  Fixture f;
  f.AcceptJoin();
  FakeCoordinator::Reply(f.coordinator.heartbeats, absl::NotFoundError("join again"));
  f.timer.Advance(Duration::zero());
  FakeCoordinator::Reply(f.coordinator.joins, absl::UnavailableError("gone again"));
  f.coordinator.refuse_joins = true;
  const TimePoint begun = Clock::now();
  f.member->Leave();
  CHECK(Clock::now() - begun < milliseconds(1500));
  CHECK(f.coordinator.heartbeats.empty());
}

TEST_CASE("a join that makes no sense is not tried again, and the daemon is told why") {
  Fixture f;
  FakeCoordinator::Reply(f.coordinator.joins, absl::InvalidArgumentError("found name 'a/b'"));
  f.timer.Advance(seconds(10));
  CHECK(f.coordinator.joins.empty());
  REQUIRE(f.refused.size() == 1);
  CHECK(absl::IsInvalidArgument(f.refused[0]));
  CHECK(std::string(f.refused[0].message()) ==
        "the scheduler refuses this daemon: found name 'a/b'");
  f.member->Leave();
  CHECK(f.coordinator.heartbeats.empty());
}

TEST_CASE("every other refusal of a join is tried again") {
  Fixture f;
  for (const absl::StatusCode code :
       {absl::StatusCode::kAlreadyExists, absl::StatusCode::kResourceExhausted,
        absl::StatusCode::kUnimplemented, absl::StatusCode::kDeadlineExceeded}) {
    REQUIRE(f.coordinator.joins.size() == 1);
    FakeCoordinator::Reply(f.coordinator.joins, absl::Status(code, "not now"));
    f.timer.Advance(milliseconds(100));
  }
  CHECK(f.coordinator.joins.size() == 1);
  CHECK(f.refused.empty());
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
