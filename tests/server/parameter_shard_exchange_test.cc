#include <future>

#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

// Pushes whose answers carry what their step makes.
struct ExchangeFixture : ShardFixture {
  using ShardFixture::ShardFixture;

  Answer Exchange(pb::PushHeader header, const Payload& floats) {
    header.set_pull(true);
    auto answer = std::make_shared<std::optional<absl::StatusOr<Payload>>>();
    shard->Push(header, floats, [this, answer](absl::StatusOr<Payload> reply) {
      if (answer->has_value()) ++answered_twice;
      *answer = std::move(reply);
    });
    return answer;
  }
  Answer Exchange(uint64_t step, TreeNode node, BlockRange blocks, uint64_t plan = 1) {
    return Exchange(Header(step, node, blocks, plan), Sums(step, node, blocks));
  }

  // Whether the answer is `version` of `blocks`: the plain loop's bits, and those of a pull.
  bool Is(const Answer& answer, uint64_t version, BlockRange blocks, uint64_t plan = 1) {
    if (CodeOf(answer) != absl::StatusCode::kOk) return false;
    const Answer pulled = Pull(version, blocks, plan);
    return Holds(version, blocks, plan) && CodeOf(pulled) == absl::StatusCode::kOk &&
           SameBits(ToFloats(***answer), ToFloats(***pulled));
  }
  static bool IsEmpty(const Answer& answer) {
    return CodeOf(answer) == absl::StatusCode::kOk && (**answer)->size() == 0;
  }
  void Wait(Duration duration) {
    room.timer().Advance(duration);
    shard->ExpireWaits();
  }

  int answered_twice = 0;
};

TEST_CASE("a push without pull is answered at once, and with nothing") {
  ExchangeFixture f;
  for (const TreeNode node : {TreeNode{0, 2}, {2, 4}, {0, 4}}) {
    std::optional<absl::StatusOr<Payload>> answer;
    f.shard->Push(f.Header(0, node, f.all), f.Sums(0, node, f.all),
                  [&answer](absl::StatusOr<Payload> reply) { answer = std::move(reply); });
    REQUIRE(answer.has_value());
    REQUIRE(answer->ok());
    CHECK((*answer)->size() == 0);
  }
  CHECK(f.Holds(1, f.all));
}

TEST_CASE("a push with pull is answered when the last part of its step arrives, and not before") {
  ExchangeFixture f;
  const auto first = f.Exchange(0, {0, 2}, f.all);
  CHECK_FALSE(first->has_value());
  REQUIRE(f.Push(0, {2, 4}, {0, 3}).ok());
  CHECK_FALSE(first->has_value());
  const auto last = f.Exchange(0, {2, 4}, {3, 4});
  CHECK(f.Is(first, 1, f.all));
  CHECK(f.Is(last, 1, {3, 4}));
  CHECK(f.answered_twice == 0);
}

TEST_CASE("a push with pull is answered for its own blocks, whatever others still wait for") {
  ExchangeFixture f;
  const auto front = f.Exchange(0, {0, 2}, {0, 2}), back = f.Exchange(0, {0, 2}, {2, 4});
  const auto rest = f.Exchange(0, {2, 4}, {2, 4});
  CHECK(f.Is(rest, 1, {2, 4}));
  CHECK(f.Is(back, 1, {2, 4}));
  CHECK_FALSE(front->has_value());
  CHECK(f.Version().value() == 0);
}

TEST_CASE("one task that pushes all gets every version with its own answers") {
  ExchangeFixture f;
  for (uint64_t step = 0; step < kSteps; ++step) {
    const auto answer = f.Exchange(step, {0, 4}, f.all);
    CHECK(f.Is(answer, step + 1, f.all));
  }
  CHECK(f.Is(f.Exchange(kSteps, {0, 4}, {3, 4}), kSteps + 1, {3, 4}));
  CHECK(f.shard->repeats() == 0);
}

TEST_CASE("a push with pull that has waited for 10 seconds is answered OK and empty: it counts") {
  ExchangeFixture f;
  const auto first = f.Exchange(0, {0, 2}, f.all);
  f.Wait(seconds(5));
  const auto second = f.Exchange(0, {2, 3}, f.all);
  const auto pull = f.Pull(1, f.all);
  f.Wait(milliseconds(4999));
  CHECK_FALSE(first->has_value());
  f.Wait(milliseconds(1));
  CHECK(f.IsEmpty(first));
  CHECK_FALSE(second->has_value());
  f.Wait(seconds(5));
  CHECK(f.IsEmpty(second));
  CHECK(CodeOf(pull) == absl::StatusCode::kDeadlineExceeded);
  const auto again = f.Pull(1, f.all);
  REQUIRE(f.Push(0, {3, 4}, f.all).ok());
  CHECK(f.Is(again, 1, f.all));
  CHECK(f.answered_twice == 0);
}

TEST_CASE("a newer plan cancels a push with pull that waits; what it sent counts under that") {
  ExchangeFixture f;
  const auto waiting = f.Exchange(0, {0, 2}, f.all);
  f.Adopt(MakePlan(2));
  CHECK(CodeOf(waiting) == absl::StatusCode::kCancelled);
  const auto rest = f.Exchange(0, {2, 4}, f.all, 2);
  CHECK(f.Is(rest, 1, f.all, 2));
  CHECK(f.answered_twice == 0);
}

TEST_CASE("a repeat of a push with pull waits like the first, and both are answered") {
  ExchangeFixture f;
  const auto first = f.Exchange(0, {0, 2}, f.all), repeat = f.Exchange(0, {0, 2}, f.all);
  CHECK_FALSE(first->has_value());
  CHECK_FALSE(repeat->has_value());
  REQUIRE(f.Push(0, {2, 4}, f.all).ok());
  CHECK(f.Is(first, 1, f.all));
  CHECK(f.Is(repeat, 1, f.all));
  CHECK(f.shard->repeats() == 4);
}

TEST_CASE("a repeat of a push with pull is answered at once with the version that is there") {
  ExchangeFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  const std::vector<float> wrong(6 + 4 + 3 + 4, 1e6f);
  CHECK(f.Is(f.Exchange(f.Header(0, {0, 2}, f.all), OwnedPayload(wrong)), 1, f.all));
  REQUIRE(f.PushWholeStep(1).ok());
  CHECK(f.Is(f.Exchange(0, {0, 2}, f.all), 1, f.all));  // the version before
  CHECK(f.Is(f.Exchange(1, {0, 2}, f.all), 2, f.all));
  CHECK(f.shard->repeats() == 12);
}

TEST_CASE("a repeat from two steps back is OutOfRange, and changes nothing") {
  ExchangeFixture f;
  for (uint64_t step = 0; step < 3; ++step) REQUIRE(f.PushWholeStep(step).ok());
  CHECK(CodeOf(f.Exchange(0, {0, 4}, f.all)) == absl::StatusCode::kOutOfRange);
  CHECK(f.Holds(2, f.all));
  CHECK(f.Holds(3, f.all));
  CHECK(CodeOf(f.Exchange(0, {0, 4}, {1, 2})) == absl::StatusCode::kOutOfRange);
  REQUIRE(f.Push(3, {0, 1}, {1, 2}).ok());  // the version before goes
  CHECK(CodeOf(f.Exchange(1, {0, 4}, {1, 2})) == absl::StatusCode::kOutOfRange);
  CHECK(f.Is(f.Exchange(2, {0, 4}, {1, 2}), 3, {1, 2}));
}

TEST_CASE("a push with pull that is wrong is refused at once, never parked, and changes nothing") {
  ExchangeFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  const std::string before = f.State();
  const Payload floats = f.Sums(1, {0, 4}, f.all);
  const Payload torn = Payload::Cutter(floats).Next(floats.size() - 4);
  pb::PushHeader other_job = f.Header(1, {0, 4}, f.all);
  other_job.set_total_steps(kSteps + 1);
  std::vector<ShardFixture::Answer> answers = {f.Exchange(f.Header(1, {0, 4}, f.all), torn),
                                               f.Exchange(f.Header(1, {0, 4}, f.all), Payload()),
                                               f.Exchange(f.Header(1, {1, 3}, f.all), floats),
                                               f.Exchange(f.Header(1, {0, 5}, f.all), floats),
                                               f.Exchange(f.Header(1, {0, 4}, {0, 5}), floats),
                                               f.Exchange(f.Header(1, {0, 4}, {2, 2}), Payload()),
                                               f.Exchange(f.Header(2, {0, 4}, f.all), floats),
                                               f.Exchange(f.Header(kSteps, {0, 4}, f.all), floats),
                                               f.Exchange(f.Header(1, {0, 4}, f.all, 0), floats),
                                               f.Exchange(other_job, floats)};
  for (size_t i = 0; i < answers.size(); ++i) {
    INFO(i);
    CHECK(CodeOf(answers[i]) == absl::StatusCode::kInvalidArgument);
  }
  CHECK(f.State() == before);
  REQUIRE(f.PushWholeStep(1).ok());
  f.Wait(seconds(60));
  f.Adopt(MakePlan(2));
  CHECK(f.answered_twice == 0);
}

TEST_CASE("a push with pull under another plan than the shard's is refused and does not count") {
  ExchangeFixture f;
  f.Adopt(MakePlan(5));
  CHECK(CodeOf(f.Exchange(0, {0, 4}, f.all, 4)) == absl::StatusCode::kFailedPrecondition);
  CHECK(CodeOf(f.Exchange(0, {0, 4}, f.all, 6)) == absl::StatusCode::kUnavailable);
  CHECK(f.Version(5).value() == 0);
  CHECK(f.Is(f.Exchange(0, {0, 4}, f.all, 5), 1, f.all, 5));
}

TEST_CASE(
    "the server's stop answers a push with pull Unavailable, and it counts in what is stored") {
  ExchangeFixture f;
  REQUIRE(f.Push(0, {0, 4}, {0, 2}).ok());
  const auto waiting = f.Exchange(0, {0, 2}, f.all);
  f.shard->StopAndStore(1, [](const absl::Status&) {});
  CHECK(CodeOf(waiting) == absl::StatusCode::kUnavailable);
  CHECK(CodeOf(f.Exchange(0, {0, 2}, f.all)) == absl::StatusCode::kUnavailable);
  f.room.Settle();
  f.Start(2);
  CHECK(f.Is(f.Exchange(0, {0, 4}, f.all, 2), 1, f.all, 2));
  CHECK(f.answered_twice == 0);
}

TEST_CASE("the end of the job, and of the shard, answer a push with pull that waits") {
  ExchangeFixture closed, gone;
  const auto first = closed.Exchange(0, {0, 2}, closed.all);
  closed.Adopt(MakePlan(2, pb::Plan::CLOSED));
  CHECK(CodeOf(first) == absl::StatusCode::kCancelled);
  const auto second = gone.Exchange(0, {0, 2}, gone.all);
  gone.shard = nullptr;
  gone.room.Settle();
  CHECK(CodeOf(second) == absl::StatusCode::kCancelled);
  CHECK(closed.answered_twice + gone.answered_twice == 0);
}

TEST_CASE("with a crew of any size the answers have the plain loop's bits") {
  ShardRoom room;
  const auto job = MakeJob("job", {10 * 16384 + 7, 16384, 5}, Kind::kAdam, 4);
  const BlockRange all{0, job->grid.blocks()};
  const PlainLoop truth(*job, kSteps);
  for (const int threads : {1, 2, 5}) {
    INFO(threads << " threads");
    MemoryBudget budget(1 << 28);
    Crew crew(threads);
    Lanes lanes;
    StorageThread storage;
    const ShardEnvironment environment{room.db(),    storage, lanes, budget,
                                       room.timer(), crew,    [] {}};
    const auto shard = ParameterShard::Create(
        std::make_shared<const ShardJob>("job" + std::to_string(threads), job->spec),
        MakeRange(0, all), environment);
    shard->Adopt(MakePlan(1));
    Settle(storage);
    for (uint64_t step = 0; step < kSteps; ++step) {
      std::vector<std::future<absl::StatusOr<Payload>>> answers;
      for (const TreeNode node : {TreeNode{3, 4}, {0, 2}, {2, 3}}) {
        pb::PushHeader header;
        header.set_plan(1);
        header.set_step(step);
        header.set_total_steps(kSteps);
        header.set_node_begin(node.begin);
        header.set_node_end(node.end);
        header.set_block_end(all.end);
        header.set_pull(true);
        Payload floats;
        for (uint64_t b = all.begin; b < all.end; ++b) {
          floats.Append(OwnedPayload(CanonicalSum(node, [&](uint32_t slice) {
            return LeafOf(*job, step, slice, b, truth.At(step, b));
          })));
        }
        const auto answer = std::make_shared<std::promise<absl::StatusOr<Payload>>>();
        answers.push_back(answer->get_future());
        shard->Push(header, floats, [answer](absl::StatusOr<Payload> reply) {
          answer->set_value(std::move(reply));
        });
      }
      std::vector<float> expected;
      for (uint64_t b = all.begin; b < all.end; ++b) {
        const std::vector<float>& part = truth.At(step + 1, b);
        expected.insert(expected.end(), part.begin(), part.end());
      }
      for (auto& answer : answers) {
        const absl::StatusOr<Payload> reply = answer.get();
        REQUIRE(reply.ok());
        CHECK(SameBits(ToFloats(*reply), expected));
      }
    }
  }
}

}  // namespace
}  // namespace paracord
