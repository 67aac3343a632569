#include "server/parameter_shard.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;
constexpr uint64_t kSteps = 4;

// One shard that holds a whole job of blocks 0, 1 (trained), 2 (averaged), 3 (metrics), four
// virtual workers. Everything runs on this thread but the disk.
struct Fixture {
  ShardRoom room;
  std::shared_ptr<const ShardJob> job = MakeJob("job", {6, 4, 3}, Kind::kMomentum, 4);
  BlockRange all{0, job->grid.blocks()};
  PlainLoop truth{*job, kSteps};
  std::shared_ptr<ParameterShard> shard;

  explicit Fixture(uint64_t budget = 1 << 20) : room(budget) { Start(1); }

  void Start(uint64_t plan) {
    shard = room.MakeShard(job, 0, all);
    Adopt(MakePlan(plan));
  }
  void Adopt(const pb::Plan& plan) {
    shard->Adopt(plan);
    room.Settle();
  }

  pb::PushHeader Header(uint64_t step, TreeNode node, BlockRange blocks, uint64_t plan = 1) const {
    pb::PushHeader header;
    header.set_plan(plan);
    header.set_step(step);
    header.set_total_steps(kSteps);
    header.set_node_begin(node.begin);
    header.set_node_end(node.end);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    return header;
  }
  Payload Sums(uint64_t step, TreeNode node, BlockRange blocks) const {
    Payload out;
    for (uint64_t b = blocks.begin; b < blocks.end; ++b) {
      out.Append(OwnedPayload(CanonicalSum(
          node, [&](uint32_t slice) { return LeafOf(*job, step, slice, b, truth.At(step, b)); })));
    }
    return out;
  }
  absl::Status Send(const pb::PushHeader& header, const Payload& floats) {
    std::optional<absl::Status> answer;
    shard->Push(header, floats, [&answer](const absl::Status& status) { answer = status; });
    return answer.value();  // at once
  }
  absl::Status Push(uint64_t step, TreeNode node, BlockRange blocks, uint64_t plan = 1) {
    return Send(Header(step, node, blocks, plan), Sums(step, node, blocks));
  }
  absl::Status PushWholeStep(uint64_t step, uint64_t plan = 1) {
    return Push(step, {0, 4}, step < kSteps ? all : BlockRange{3, 4}, plan);
  }

  // What is written here when the answer comes; empty while the pull is parked.
  using Answer = std::shared_ptr<std::optional<absl::StatusOr<Payload>>>;
  Answer Pull(uint64_t version, BlockRange blocks, uint64_t plan = 1, uint64_t history = 0) {
    pb::PullHeader header;
    header.set_plan(plan);
    header.set_history(history);
    header.set_version(version);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    auto answer = std::make_shared<std::optional<absl::StatusOr<Payload>>>();
    shard->Pull(header, [answer](absl::StatusOr<Payload> reply) { *answer = std::move(reply); });
    return answer;
  }
  absl::StatusOr<uint64_t> Version(uint64_t plan = 1) {
    absl::StatusOr<uint64_t> version = absl::UnknownError("no answer");
    pb::QueryRequest request;
    request.set_plan(plan);
    shard->Query(request, [&](const absl::StatusOr<pb::QueryReply>& reply) {
      if (reply.ok()) {
        version = reply->version();
      } else {
        version = reply.status();
      }
    });
    return version;
  }
  bool Holds(uint64_t version, BlockRange blocks, uint64_t plan = 1) {
    const Answer answer = Pull(version, blocks, plan);
    if (!answer->has_value() || !(*answer)->ok()) return false;
    std::vector<float> expected;
    for (uint64_t b = blocks.begin; b < blocks.end; ++b) {
      const std::vector<float>& part = truth.At(version, b);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    return SameBits(ToFloats(***answer), expected);
  }
  // Everything a refused push must leave as it was.
  std::string State() {
    std::string out;
    for (uint64_t b = all.begin; b < all.end; ++b) {
      for (uint64_t version = 0; version <= kSteps + 1; ++version) {
        const Answer answer = Pull(version, {b, b + 1});
        out += !answer->has_value() ? 'p' : (*answer)->ok() ? 'o' : 'x';
      }
    }
    return out;
  }
};

absl::StatusCode CodeOf(const Fixture::Answer& answer) {
  return answer->has_value() ? (*answer)->status().code() : absl::StatusCode::kUnknown;
}

TEST_CASE("whole steps, pushed by one task, make the plain loop's weights") {
  Fixture f;
  CHECK(f.Holds(0, f.all));
  for (uint64_t step = 0; step < kSteps; ++step) {
    REQUIRE(f.PushWholeStep(step).ok());
    CHECK(f.Holds(step + 1, f.all));
    CHECK(f.Version().value() == step + 1);
  }
}

TEST_CASE("a step is applied when its last slice has come, and not before") {
  Fixture f;
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
  Fixture f;
  REQUIRE(f.Push(0, {0, 2}, f.all).ok());
  CHECK(f.Push(0, {0, 2}, f.all).ok());
  CHECK(f.Push(0, {1, 2}, f.all).ok());
  CHECK(f.shard->repeats() == 8);
  REQUIRE(f.Push(0, {2, 4}, f.all).ok());
  REQUIRE(f.Holds(1, f.all));
  const std::vector<float> wrong(6 + 4 + 3 + 2, 1e6f);
  CHECK(f.Send(f.Header(0, {0, 4}, f.all), OwnedPayload(wrong)).ok());
  CHECK(f.Holds(1, f.all));
  CHECK(f.Holds(0, f.all));  // a repeat does not begin the next step
  CHECK(f.shard->repeats() == 12);
}

TEST_CASE("a push of which some blocks are applied already counts for the others") {
  Fixture f;
  REQUIRE(f.Push(0, {0, 4}, {0, 2}).ok());
  REQUIRE(f.Push(0, {0, 4}, f.all).ok());
  CHECK(f.Holds(1, f.all));
  CHECK(f.shard->repeats() == 2);
}

TEST_CASE("a push that is wrong in any way is InvalidArgument and changes nothing") {
  Fixture f;
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
  Fixture f;
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
  Fixture f;
  REQUIRE(f.Push(0, {0, 2}, f.all).ok());
  f.Adopt(MakePlan(2));
  REQUIRE(f.Push(0, {2, 4}, f.all, 2).ok());
  CHECK(f.Holds(1, f.all, 2));
}

TEST_CASE("before its blocks are there a shard is Unavailable") {
  Fixture f;
  f.shard = f.room.MakeShard(f.job, 1, f.all);
  CHECK(absl::IsUnavailable(f.PushWholeStep(0)));
  CHECK(absl::IsUnavailable(f.Version().status()));
  CHECK(f.shard->Report().plan() == 0);
}

TEST_CASE("a pull waits until its last block has the version") {
  Fixture f;
  const auto first = f.Pull(1, f.all), second = f.Pull(1, {0, 1});
  CHECK_FALSE(first->has_value());
  REQUIRE(f.Push(0, {0, 4}, {0, 3}).ok());
  CHECK(second->has_value());
  CHECK_FALSE(first->has_value());
  REQUIRE(f.Push(0, {0, 4}, {3, 4}).ok());
  REQUIRE(CodeOf(first) == absl::StatusCode::kOk);
  CHECK((**first)->size() == (6 + 4 + 3 + 2) * sizeof(float));
}

TEST_CASE("the version before stays until the first push of the next step, whatever is pulled") {
  Fixture f;
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
  Fixture f;
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
  Fixture f;
  const auto old = f.Pull(1, f.all), reader = f.Pull(1, f.all, 0, 1);
  f.Adopt(MakePlan(2));
  CHECK(CodeOf(old) == absl::StatusCode::kCancelled);
  CHECK_FALSE(reader->has_value());
  REQUIRE(f.PushWholeStep(0, 2).ok());
  CHECK(CodeOf(reader) == absl::StatusCode::kOk);
}

TEST_CASE("a reader is served under any plan of its history, and of no other") {
  Fixture f;
  f.Adopt(MakePlan(9));
  CHECK(CodeOf(f.Pull(0, f.all, 0, 1)) == absl::StatusCode::kOk);
  CHECK(CodeOf(f.Pull(0, f.all, 0, 2)) == absl::StatusCode::kOutOfRange);
  CHECK(f.Version(0).value() == 0);
}

TEST_CASE("minus zero survives the tree and the wire") {
  Fixture f;
  const Payload zeros = OwnedPayload({-0.0f, -0.0f});
  for (uint32_t leaf = 0; leaf < 4; ++leaf) {
    REQUIRE(f.Send(f.Header(0, {leaf, leaf + 1}, {3, 4}), zeros).ok());
  }
  const auto answer = f.Pull(1, {3, 4});
  REQUIRE(CodeOf(answer) == absl::StatusCode::kOk);
  CHECK(SameBits(ToFloats(***answer), {-0.0f, -0.0f}));
}

TEST_CASE("metrics have one step more than weights: the last evaluation") {
  Fixture f;
  for (uint64_t step = 0; step < kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  CHECK(absl::IsInvalidArgument(f.Push(kSteps, {0, 4}, {2, 4})));
  REQUIRE(f.PushWholeStep(kSteps).ok());
  CHECK(f.Holds(kSteps + 1, {3, 4}));
  CHECK(f.Version().value() == kSteps);
}

TEST_CASE(
    "a pull that has waited for 10 seconds is answered DeadlineExceeded, a younger one waits") {
  Fixture f;
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

TEST_CASE("a new job's step 0 is stored at once") {
  Fixture f;
  f.room.Settle();
  const auto stored = f.room.stored();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].step() == 0);
  CHECK(stored[0].history() == 1);
  const auto blocks = f.room.db().Read("job", 1, 0, {0, 1});
  REQUIRE(blocks.ok());
  CHECK(SameBits(ToFloats(*blocks), f.truth.At(0, 0)));
}

TEST_CASE("FINISHED stores the last step, frees the budget and ends what waits") {
  Fixture f;
  CHECK(f.room.budget().used() > 0);
  for (uint64_t step = 0; step <= kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  const auto parked = f.Pull(kSteps + 1, f.all, 0, 1);
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  f.room.Settle();
  CHECK(f.room.stored().back().step() == kSteps);
  CHECK(f.room.budget().used() == 0);
  CHECK(f.shard->Report().bytes() == 0);
  CHECK(CodeOf(parked) == absl::StatusCode::kOutOfRange);
  CHECK(absl::IsFailedPrecondition(f.PushWholeStep(kSteps, 2)));
  for (uint64_t b = 0; b < f.all.end; ++b) {
    const auto weights = f.room.db().Read("job", 1, kSteps, {b, b + 1});
    REQUIRE(weights.ok());
    CHECK(SameBits(ToFloats(*weights), f.truth.At(kSteps, b)));
  }
}

TEST_CASE("a shard of metrics alone finishes too, though it is one version further") {
  Fixture f;
  f.shard = f.room.MakeShard(f.job, 1, {3, 4});
  f.Adopt(MakePlan(1));
  for (uint64_t step = 0; step <= kSteps; ++step) REQUIRE(f.Push(step, {0, 4}, {3, 4}).ok());
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  f.room.Settle();
  CHECK(f.shard->Report().error() == "");
  const auto weights = f.room.db().Read("job", 1, kSteps, {3, 4});
  REQUIRE(weights.ok());
  CHECK(SameBits(ToFloats(*weights), f.truth.At(kSteps, 3)));
}

TEST_CASE("FINISHED at a step that the shard does not have is DataLoss, and is reported") {
  Fixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  CHECK(f.shard->Report().error_code() == "DATA_LOSS");
  CHECK(absl::IsDataLoss(f.PushWholeStep(1, 2)));
}

TEST_CASE("CLOSED frees the budget, stores nothing and ends what waits") {
  Fixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  const auto parked = f.Pull(2, f.all);
  f.Adopt(MakePlan(2, pb::Plan::CLOSED));
  CHECK(parked->has_value());
  CHECK(f.room.budget().used() == 0);
  CHECK(f.room.stored().size() == 1);  // step 0
  CHECK(absl::IsFailedPrecondition(f.Version(2).status()));
}

TEST_CASE("a shard that stopped in order and came back goes on with the bits of one that did not") {
  for (uint64_t stop_at = 0; stop_at < kSteps; ++stop_at) {
    INFO("stopped at step " << stop_at);
    Fixture f;
    for (uint64_t step = 0; step < stop_at; ++step) REQUIRE(f.PushWholeStep(step).ok());
    REQUIRE(f.Push(stop_at, {0, 4}, {0, 2}).ok());  // two blocks are ahead
    REQUIRE(f.Push(stop_at, {0, 2}, {2, 3}).ok());  // one is half there
    const auto parked = f.Pull(stop_at + 1, f.all);
    std::optional<absl::Status> stored;
    f.shard->StopAndStore([&stored](const absl::Status& status) { stored = status; });
    f.room.Settle();
    REQUIRE(stored.has_value());
    REQUIRE(stored->ok());
    CHECK(CodeOf(parked) == absl::StatusCode::kUnavailable);
    CHECK(absl::IsUnavailable(f.PushWholeStep(stop_at)));
    f.Start(2);
    CHECK(f.Version(2).value() == stop_at);
    CHECK(f.Holds(stop_at, f.all, 2));
    for (uint64_t step = stop_at; step < kSteps; ++step) {
      REQUIRE(f.PushWholeStep(step, 2).ok());
      CHECK(f.Holds(step + 1, f.all, 2));
    }
  }
}

TEST_CASE("the version before comes back with a shard that stopped in order") {
  Fixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  f.shard->StopAndStore([](const absl::Status&) {});
  f.room.Settle();
  f.Start(2);
  CHECK(f.Holds(1, f.all, 2));
  CHECK(f.Holds(0, f.all, 2));
}

TEST_CASE("stopping a shard that has nothing to write is OK at once") {
  Fixture f;
  const auto loading = f.room.MakeShard(f.job, 1, f.all);
  std::optional<absl::Status> stored;
  loading->StopAndStore([&stored](const absl::Status& status) { stored = status; });
  REQUIRE(stored.has_value());
  CHECK(stored->ok());
}

TEST_CASE("a budget that is too small shows in the report, with the sum, and every call says so") {
  Fixture f(100);
  const pb::ShardReport report = f.shard->Report();
  CHECK(report.error_code() == "RESOURCE_EXHAUSTED");
  CHECK(report.error().find(std::to_string(15 * 4 * 4) + " bytes") != std::string::npos);
  CHECK(report.error().find("100 bytes") != std::string::npos);
  CHECK(report.bytes() == 0);
  CHECK(absl::IsResourceExhausted(f.PushWholeStep(0)));
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("blocks outside the model's grid are refused in the report, not followed") {
  Fixture f;
  for (const BlockRange range : {BlockRange{2, 9}, {3, 1}}) {
    const auto shard = f.room.MakeShard(f.job, 1, range);
    CHECK(shard->Report().error_code() == "INVALID_ARGUMENT");
    shard->Adopt(MakePlan(1));
    f.room.Settle();
  }
}

TEST_CASE("a shard that goes answers what is parked, and gives its memory back") {
  Fixture f;
  const auto parked = f.Pull(1, f.all);
  f.shard = nullptr;
  f.room.Settle();
  CHECK(CodeOf(parked) == absl::StatusCode::kCancelled);
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("the last reference to a shard may go inside one of its own answers") {
  Fixture f;
  f.room.Settle();
  bool answered = false;
  pb::QueryRequest request;
  request.set_plan(1);
  ParameterShard* shard = f.shard.get();
  shard->Query(request, [&](const absl::StatusOr<pb::QueryReply>& reply) {
    answered = reply.ok();
    f.shard = nullptr;
  });
  CHECK(answered);
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("what a pull handed out stays as it is when the shard has gone on, and is gone itself") {
  Fixture f;
  const auto answer = f.Pull(0, f.all);
  REQUIRE(CodeOf(answer) == absl::StatusCode::kOk);
  const std::vector<float> before = ToFloats(***answer);
  for (uint64_t step = 0; step < kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  CHECK(SameBits(ToFloats(***answer), before));
  f.shard = nullptr;
  CHECK(SameBits(ToFloats(***answer), before));
}

}  // namespace
}  // namespace paracord
