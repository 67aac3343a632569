#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

TEST_CASE("whole steps, pushed by one task, make the plain loop's weights") {
  ShardFixture f;
  CHECK(f.Holds(0, f.all));
  for (uint64_t step = 0; step < kSteps; ++step) {
    REQUIRE(f.PushWholeStep(step).ok());
    CHECK(f.Holds(step + 1, f.all));
    CHECK(f.Version().value() == step + 1);
  }
}

TEST_CASE("a step is applied when its last slice has come, and not before") {
  ShardFixture f;
  REQUIRE(f.Push(0, {1, 2}, f.all).ok());
  REQUIRE(f.Push(0, {2, 4}, f.all).ok());
  CHECK(f.Version().value() == 0);
  REQUIRE(f.Push(0, {0, 1}, {0, 2}).ok());
  CHECK(f.Holds(1, {0, 2}));
  CHECK(f.Version().value() == 0);  // blocks 2 and 3 are not there yet
  REQUIRE(f.Push(0, {0, 1}, {2, 4}).ok());
  CHECK(f.Holds(1, f.all));
  CHECK(f.Version().value() == 1);
}

TEST_CASE("a repeat is answered OK and changes nothing, in its step and later") {
  ShardFixture f;
  REQUIRE(f.Push(0, {0, 2}, f.all).ok());
  CHECK(f.Push(0, {0, 2}, f.all).ok());
  CHECK(f.Push(0, {1, 2}, f.all).ok());
  CHECK(f.shard->repeats() == 8);
  REQUIRE(f.Push(0, {2, 4}, f.all).ok());
  REQUIRE(f.Holds(1, f.all));
  const std::vector<float> wrong(6 + 4 + 3 + 4, 1e6f);
  CHECK(f.Send(f.Header(0, {0, 4}, f.all), OwnedPayload(wrong)).ok());
  CHECK(f.Holds(1, f.all));
  CHECK(f.Holds(0, f.all));  // a repeat does not begin the next step
  CHECK(f.shard->repeats() == 12);
}

TEST_CASE("a push of which some blocks are applied already counts for the others") {
  ShardFixture f;
  REQUIRE(f.Push(0, {0, 4}, {0, 2}).ok());
  REQUIRE(f.Push(0, {0, 4}, f.all).ok());
  CHECK(f.Holds(1, f.all));
  CHECK(f.shard->repeats() == 2);
}

TEST_CASE("a push that is wrong in any way is InvalidArgument and changes nothing") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  const std::string before = f.State();
  const auto refused = [&](const pb::PushHeader& header, const Payload& floats) {
    const absl::Status status = f.Send(header, floats);
    INFO(status.ToString());
    CHECK(absl::IsInvalidArgument(status));
    CHECK(f.State() == before);
    CHECK(f.Holds(0, f.all));
    CHECK(f.Holds(1, f.all));
  };
  const pb::PushHeader good = f.Header(1, {0, 4}, f.all);
  const Payload floats = f.Sums(1, {0, 4}, f.all);
  refused(f.Header(2, {0, 4}, f.all), floats);            // too early
  refused(f.Header(1, {1, 3}, f.all), floats);            // no node
  refused(f.Header(1, {0, 0}, f.all), floats);            // no node
  refused(f.Header(1, {0, 5}, f.all), floats);            // no node
  refused(f.Header(1, {0, 4}, {0, 3}), floats);           // other blocks than floats
  refused(f.Header(1, {0, 4}, {0, 5}), floats);           // blocks that are not there
  refused(f.Header(1, {0, 4}, {2, 2}), Payload());        // no blocks
  refused(f.Header(1, {0, 4}, {3, 1}), floats);           // backwards
  refused(f.Header(1, {0, 4}, {UINT64_MAX, 1}), floats);  // far away
  refused(f.Header(kSteps, {0, 4}, f.all), floats);       // after the last step
  refused(f.Header(1, {0, 4}, f.all, 0), floats);         // no plan
  Payload torn = Payload::Cutter(floats).Next(floats.size() - 1);
  refused(good, torn);
  pb::PushHeader other = good;
  other.set_total_steps(kSteps + 1);
  refused(other, floats);
  other.set_total_steps(0);
  refused(other, floats);
  CHECK(f.Send(good, floats).ok());
  CHECK(f.Holds(2, f.all));
}

TEST_CASE(
    "an older plan's calls are FailedPrecondition, a newer one's Unavailable until it comes") {
  ShardFixture f;
  f.Adopt(MakePlan(5));
  for (const uint64_t plan : {1, 4}) {
    CHECK(absl::IsFailedPrecondition(f.PushWholeStep(0, plan)));
    CHECK(absl::IsFailedPrecondition(f.Version(plan).status()));
    CHECK(CodeOf(f.Pull(0, f.all, plan)) == absl::StatusCode::kFailedPrecondition);
  }
  CHECK(absl::IsUnavailable(f.PushWholeStep(0, 6)));
  CHECK(absl::IsUnavailable(f.Version(6).status()));
  CHECK(CodeOf(f.Pull(0, f.all, 6)) == absl::StatusCode::kUnavailable);
  f.Adopt(MakePlan(6));
  CHECK(f.PushWholeStep(0, 6).ok());
  CHECK(f.Holds(1, f.all, 6));
  f.Adopt(MakePlan(5));  // late: ignored
  CHECK(f.Version(6).value() == 1);
}

TEST_CASE("what was counted under one plan stays counted under the next") {
  ShardFixture f;
  REQUIRE(f.Push(0, {0, 2}, f.all).ok());
  f.Adopt(MakePlan(2));
  REQUIRE(f.Push(0, {2, 4}, f.all, 2).ok());
  CHECK(f.Holds(1, f.all, 2));
}

TEST_CASE("before its blocks are there a shard is Unavailable") {
  ShardFixture f;
  f.shard = f.room.MakeShard(f.job, 1, f.all);
  CHECK(absl::IsUnavailable(f.PushWholeStep(0)));
  CHECK(absl::IsUnavailable(f.Version().status()));
  CHECK(f.shard->Report().plan() == 0);
}

TEST_CASE("a pull waits until its last block has the version") {
  ShardFixture f;
  const auto first = f.Pull(1, f.all), second = f.Pull(1, {0, 1});
  CHECK_FALSE(first->has_value());
  REQUIRE(f.Push(0, {0, 4}, {0, 3}).ok());
  CHECK(second->has_value());
  CHECK_FALSE(first->has_value());
  REQUIRE(f.Push(0, {0, 4}, {3, 4}).ok());
  REQUIRE(CodeOf(first) == absl::StatusCode::kOk);
  CHECK((**first)->size() == (6 + 4 + 3 + 4) * sizeof(float));
}

TEST_CASE("the version before stays until the first push of the next step, whatever is pulled") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  for (int i = 0; i < 3; ++i) CHECK(f.Holds(1, f.all));
  CHECK(f.Holds(0, f.all));
  REQUIRE(f.Push(1, {3, 4}, {1, 2}).ok());
  CHECK(CodeOf(f.Pull(0, {1, 2})) == absl::StatusCode::kOutOfRange);
  CHECK(CodeOf(f.Pull(0, f.all)) == absl::StatusCode::kOutOfRange);
  CHECK(f.Holds(0, {2, 4}));
  CHECK(f.Holds(1, f.all));
}

TEST_CASE("a pull whose version is passed by while it waits is told so") {
  ShardFixture f;
  const auto parked = f.Pull(1, {0, 2});
  REQUIRE(f.Push(0, {0, 4}, {0, 1}).ok());
  REQUIRE(f.Push(1, {0, 1}, {0, 1}).ok());  // version 0 of block 0 goes; block 1 is still there
  REQUIRE(f.Push(1, {1, 2}, {0, 1}).ok());
  REQUIRE(f.Push(1, {2, 4}, {0, 1}).ok());
  REQUIRE(f.Push(2, {0, 1}, {0, 1}).ok());
  REQUIRE(parked->has_value());
  CHECK(CodeOf(parked) == absl::StatusCode::kOutOfRange);
}

TEST_CASE("adopting a plan cancels the parked pulls of older ones, not those of readers") {
  ShardFixture f;
  const auto old = f.Pull(1, f.all), reader = f.Pull(1, f.all, 0, 1);
  f.Adopt(MakePlan(2));
  CHECK(CodeOf(old) == absl::StatusCode::kCancelled);
  CHECK_FALSE(reader->has_value());
  REQUIRE(f.PushWholeStep(0, 2).ok());
  CHECK(CodeOf(reader) == absl::StatusCode::kOk);
}

TEST_CASE("a reader is served under any plan of its history, and of no other") {
  ShardFixture f;
  f.Adopt(MakePlan(9));
  CHECK(CodeOf(f.Pull(0, f.all, 0, 1)) == absl::StatusCode::kOk);
  CHECK(CodeOf(f.Pull(0, f.all, 0, 2)) == absl::StatusCode::kOutOfRange);
  CHECK(f.Version(0).value() == 0);
}

TEST_CASE("minus zero survives the tree and the wire") {
  ShardFixture f;
  const Payload zeros = OwnedPayload({-0.0f, -0.0f, -0.0f, -0.0f});
  for (uint32_t leaf = 0; leaf < 4; ++leaf) {
    REQUIRE(f.Send(f.Header(0, {leaf, leaf + 1}, {3, 4}), zeros).ok());
  }
  const auto answer = f.Pull(1, {3, 4});
  REQUIRE(CodeOf(answer) == absl::StatusCode::kOk);
  CHECK(SameBits(ToFloats(***answer), {-0.0f, -0.0f, -0.0f, -0.0f}));
}

TEST_CASE("metrics have one step more than weights: the last evaluation") {
  ShardFixture f;
  for (uint64_t step = 0; step < kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  CHECK(absl::IsInvalidArgument(f.Push(kSteps, {0, 4}, {2, 4})));
  REQUIRE(f.PushWholeStep(kSteps).ok());
  CHECK(f.Holds(kSteps + 1, {3, 4}));
  CHECK(f.Version().value() == kSteps);
}

TEST_CASE(
    "a pull that has waited for 10 seconds is answered DeadlineExceeded, a younger one waits") {
  ShardFixture f;
  const auto first = f.Pull(1, f.all);
  f.room.timer().Advance(seconds(5));
  const auto second = f.Pull(1, f.all);
  f.room.timer().Advance(milliseconds(4999));
  f.shard->ExpireWaits();
  CHECK_FALSE(first->has_value());
  f.room.timer().Advance(milliseconds(1));
  f.shard->ExpireWaits();
  CHECK(CodeOf(first) == absl::StatusCode::kDeadlineExceeded);
  CHECK_FALSE(second->has_value());
}

}  // namespace
}  // namespace paracord
