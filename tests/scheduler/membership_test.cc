#include "scheduler/membership.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

Moment At(int ms) { return {TimePoint() + std::chrono::hours(1) + milliseconds(ms), ms}; }

pb::JoinRequest Server(uint64_t incarnation, const std::string& identity = "disk-a") {
  pb::JoinRequest request;
  request.set_role(pb::SERVER);
  request.set_name("server-0");
  request.set_identity(identity);
  request.set_incarnation(incarnation);
  return request;
}

absl::Status Beat(Membership& members, uint64_t incarnation, Moment now, bool leaving = false) {
  pb::HeartbeatRequest request;
  request.set_name("server-0");
  request.set_incarnation(incarnation);
  request.set_leaving(leaving);
  return members.Heartbeat(request, now);
}

using Presence = Membership::Presence;

TEST_CASE("a new incarnation of the same directory replaces the old one at once") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  REQUIRE(members.Join(Server(2), At(10)).ok());
  CHECK(members.PresenceOf("server-0", 1) == Presence::kGone);
  CHECK(members.PresenceOf("server-0", 2) == Presence::kHere);
  CHECK(absl::IsNotFound(Beat(members, 1, At(20))));
  CHECK(Beat(members, 2, At(20)).ok());
}

TEST_CASE("a live member's name is refused to another directory until its lease is over") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1, "disk-a"), At(0)).ok());
  const absl::Status refused = members.Join(Server(2, "disk-b"), At(1999));
  CHECK(absl::IsAlreadyExists(refused));
  CHECK(std::string(refused.message()).find("disk-a") != std::string::npos);
  CHECK(std::string(refused.message()).find("disk-b") != std::string::npos);
  CHECK(members.Join(Server(2, "disk-b"), At(2000)).ok());
}

TEST_CASE("a lease ends so long after the last heartbeat and not before") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  REQUIRE(Beat(members, 1, At(500)).ok());
  for (int ms = 600; ms < 2500; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
  members.Tick(At(2500));
  CHECK(members.Find("server-0")->state == KnownMember::State::kLost);
  CHECK(absl::IsNotFound(Beat(members, 1, At(2600))));
}

TEST_CASE("a gap in the scheduler's own ticks renews all leases") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  members.Tick(At(100));
  members.Tick(At(60'000));
  CHECK(members.Find("server-0")->ready());
  for (int ms = 60'100; ms < 62'000; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
  members.Tick(At(62'000));
  CHECK(!members.Find("server-0")->ready());
}

TEST_CASE("a gap is measured by the lease: a short one does not end in a short pause") {
  Membership members(milliseconds(400), milliseconds(100), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  members.Tick(At(100));
  members.Tick(At(600));  // stopped for half a second, longer than the lease
  CHECK(members.Find("server-0")->ready());
  for (int ms = 700; ms < 1000; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
  members.Tick(At(1000));
  CHECK(!members.Find("server-0")->ready());
}

TEST_CASE("after a start members are awaited for a lease and a second") {
  Membership members(seconds(2), milliseconds(500), At(0));
  for (int ms = 100; ms < 3000; ms += 100) members.Tick(At(ms));
  CHECK(members.PresenceOf("server-0", 1) == Presence::kAwaited);
  members.Tick(At(3000));
  CHECK(members.PresenceOf("server-0", 1) == Presence::kGone);
}

TEST_CASE("who leaves has left at once") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  REQUIRE(Beat(members, 1, At(10), true).ok());
  CHECK(members.Find("server-0")->state == KnownMember::State::kLeft);
  CHECK(members.Ready(pb::SERVER).empty());
}

TEST_CASE("a join that makes no sense is refused") {
  Membership members(seconds(2), milliseconds(500), At(0));
  pb::JoinRequest request = Server(1);
  for (const std::string& name : {std::string(), std::string(64, 'x'), std::string("a/b"),
                                  std::string("a b"), std::string("-a"), std::string("a\nb")}) {
    request.set_name(name);
    CHECK(absl::IsInvalidArgument(members.Join(request, At(0))));
  }
  request.set_name("a\nb");
  CHECK(std::string(members.Join(request, At(0)).message()) ==
        "found name 'a\\nb', expected at most 63 letters, digits, '-', '_' and '.', a letter or "
        "digit first");
  request.set_name(std::string(63, 'x'));
  CHECK(members.Join(request, At(0)).ok());
  request = Server(0);
  CHECK(absl::IsInvalidArgument(members.Join(request, At(0))));
  request = Server(1);
  request.set_role(pb::WORKER);
  CHECK(absl::IsInvalidArgument(members.Join(request, At(0))));
  request.set_role(pb::SCHEDULER);
  CHECK(absl::IsInvalidArgument(members.Join(request, At(0))));
}

pb::JoinRequest Worker(uint64_t incarnation) {
  pb::JoinRequest request = Server(incarnation);
  request.set_role(pb::WORKER);
  request.set_slots(1);
  return request;
}

TEST_CASE("a lease ends one and a half heartbeats after a worker's connection has") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Worker(1), At(0)).ok());
  REQUIRE(Beat(members, 1, At(400)).ok());
  members.Cut("server-0", 1, At(500).at);
  for (int ms = 600; ms < 1250; ms += 50) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
  members.Tick(At(1250));
  CHECK(members.Find("server-0")->state == KnownMember::State::kLost);
}

TEST_CASE("a worker that is heard of after its connection broke keeps its whole lease") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Worker(1), At(0)).ok());
  members.Cut("server-0", 1, At(500).at);
  REQUIRE(Beat(members, 1, At(500)).ok());  // under way before
  REQUIRE(Beat(members, 1, At(700)).ok());
  for (int ms = 600; ms < 2700; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
  members.Tick(At(2700));
  CHECK_FALSE(members.Find("server-0")->ready());
}

TEST_CASE("the end of an older process's connection, or of a stranger's, shortens nothing") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Worker(2), At(0)).ok());
  members.Cut("server-0", 1, At(100).at);
  members.Cut("server-7", 1, At(100).at);
  for (int ms = 100; ms < 2000; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
}

TEST_CASE("a server keeps its whole lease when its connection ends: its jobs end with it") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  members.Cut("server-0", 1, At(100).at);
  for (int ms = 100; ms < 2000; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
}

TEST_CASE("a heartbeat that is handled late counts from when it arrived") {
  Membership members(seconds(2), milliseconds(500), At(0));
  REQUIRE(members.Join(Server(1), At(0)).ok());
  REQUIRE(Beat(members, 1, At(1500)).ok());
  REQUIRE(Beat(members, 1, At(500)).ok());
  for (int ms = 100; ms < 3500; ms += 100) members.Tick(At(ms));
  CHECK(members.Find("server-0")->ready());
}

}  // namespace
}  // namespace paracord
