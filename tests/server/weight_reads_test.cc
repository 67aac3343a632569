#include "server/weight_reads.h"

#include <catch2/catch.hpp>
#include <future>

#include "tests/server/shard_room.h"

namespace paracord {
namespace {

using Mode = ConsistencySpec::Mode;

// Two trained blocks of one float each, an averaged one, metrics; two slices.
struct Fixture {
  explicit Fixture(const ConsistencySpec& consistency = {Mode::kBsp}) {
    store.Initialize(1);
    reads.Open(&store);
    reads.Follow(consistency);
  }

  // Step after step for both trained blocks; their weights are the version.
  void Apply(uint64_t block) {
    const std::vector<float> floats(1,
                                    Weight(block) - static_cast<float>(store.version(block) + 1));
    UpdateStep update = PrepareUpdate(job->spec.optimizer, 0, 10);
    update.lr = 1;
    store.Apply(block, {OwnedPayload(floats), Payload()}, update);
  }
  float Weight(uint64_t block) const { return ToFloats(store.Read(block, false))[0]; }

  // The answer comes on any thread.
  std::future<absl::StatusOr<Payload>> Take(uint64_t version, bool newest, uint64_t plan = 1) {
    pb::PullHeader header;
    header.set_plan(plan);
    header.set_version(version);
    header.set_newest(newest);
    header.set_block_begin(0);
    header.set_block_end(2);
    auto answer = std::make_shared<std::promise<absl::StatusOr<Payload>>>();
    reads.Take(header,
               [answer](absl::StatusOr<Payload> reply) { answer->set_value(std::move(reply)); });
    return answer->get_future();
  }

  const std::shared_ptr<const ShardJob> job = MakeJob("j", {1, 1, 3}, OptimizerSpec::Kind::kSgd, 2);
  ManualTimer timer;
  BlockStore store{job->grid, {0, 4}, job->spec.optimizer, 2};
  Crew crew{2};
  WeightReads reads{timer, crew};
};

bool Parked(const std::future<absl::StatusOr<Payload>>& answer) {
  return answer.wait_for(seconds(0)) != std::future_status::ready;
}

TEST_CASE(
    "bsp: a read is answered at its version, and with the version before while that is kept") {
  Fixture f;
  const float before = f.Weight(0);
  CHECK(ToFloats(f.Take(0, false).get().value())[0] == before);
  f.Apply(0);
  f.Apply(1);
  CHECK(ToFloats(f.Take(0, false).get().value())[0] == before);
  CHECK(ToFloats(f.Take(1, false).get().value())[0] == Approx(1));
  f.store.DropPrevious(1);
  CHECK(absl::IsOutOfRange(f.Take(0, false).get().status()));
  CHECK(ToFloats(f.Take(1, false).get().value())[0] == Approx(1));
}

TEST_CASE("bsp: a read waits until the last of its blocks has the version") {
  Fixture f;
  auto answer = f.Take(1, false);
  f.Apply(0);
  f.reads.AnswerWaiting();
  CHECK(Parked(answer));
  f.Apply(1);
  f.reads.AnswerWaiting();
  CHECK(ToFloats(answer.get().value())[1] == Approx(1));
}

TEST_CASE("bsp: a parked read whose version was passed over is told that it is gone") {
  Fixture f;
  auto answer = f.Take(1, false);
  for (int i = 0; i < 3; ++i) {
    f.Apply(0);
    f.Apply(1);
  }
  f.reads.AnswerWaiting();
  CHECK(absl::IsOutOfRange(answer.get().status()));
}

TEST_CASE("ssp: a read of the newest lacks as many steps as the bound allows, and no more") {
  Fixture f({Mode::kSsp, 2});
  CHECK(f.Take(2, true).get().ok());
  auto answer = f.Take(3, true);
  f.Apply(0);
  f.reads.AnswerWaiting();
  CHECK(Parked(answer));  // the other block holds it up
  f.Apply(1);
  f.reads.AnswerWaiting();
  CHECK(answer.get().ok());
  CHECK(f.reads.staleness_counts() == std::vector<uint64_t>{0, 0, 2});
}

TEST_CASE("ssp: a new bound is that of the reads that wait") {
  Fixture f({Mode::kSsp, 0});
  auto answer = f.Take(4, true);
  CHECK(Parked(answer));
  f.reads.Follow({Mode::kSsp, 4});
  f.reads.AnswerWaiting();
  CHECK(answer.get().ok());
}

TEST_CASE("async: a read of the newest never waits, and its staleness is counted") {
  Fixture f({Mode::kAsync});
  f.Apply(0);
  f.Apply(1);
  CHECK(f.Take(0, true).get().ok());  // of a step that is over: lacks nothing
  CHECK(ToFloats(f.Take(1, true).get().value())[0] == Approx(1));
  CHECK(f.Take(4, true).get().ok());
  CHECK(f.reads.staleness_counts() == std::vector<uint64_t>{2, 0, 0, 1});
  CHECK(f.Take(UINT64_MAX, true).get().ok());
  CHECK(f.reads.staleness_counts().size() == 1024);  // the last entry holds those of more, too
  CHECK(f.reads.staleness_counts().back() == 1);
}

TEST_CASE("reads by version are not counted as stale") {
  Fixture f;
  CHECK(f.Take(0, false).get().ok());
  CHECK(f.reads.staleness_counts().empty());
}

TEST_CASE("a read that has waited too long is answered so, the others go on waiting") {
  Fixture f;
  auto first = f.Take(1, false);
  f.timer.Advance(seconds(6));
  auto second = f.Take(1, false);
  f.reads.Expire();
  CHECK(Parked(first));
  f.timer.Advance(seconds(6));
  f.reads.Expire();
  CHECK(absl::IsDeadlineExceeded(first.get().status()));
  CHECK(Parked(second));
}

TEST_CASE("a newer plan cancels the reads of older ones; readers without a plan stay") {
  Fixture f;
  auto older = f.Take(1, false, 3), current = f.Take(1, false, 4), reader = f.Take(1, false, 0);
  f.reads.CancelBelow(4, absl::CancelledError("plan 4 is in force"));
  CHECK(absl::IsCancelled(older.get().status()));
  CHECK(Parked(current));
  CHECK(Parked(reader));
  f.reads.CancelAll(absl::CancelledError("the shard is gone"));
  CHECK(absl::IsCancelled(current.get().status()));
  CHECK(absl::IsCancelled(reader.get().status()));
}

TEST_CASE("what answers a push is what the push is to make: bsp's next version, or the newest") {
  pb::PushHeader push;
  push.set_plan(3);
  push.set_step(5);
  push.set_total_steps(10);
  push.set_block_begin(1);
  push.set_block_end(2);
  CHECK(ReadAfter(push).version() == 6);
  CHECK_FALSE(ReadAfter(push).newest());
  push.set_minibatch(true);
  push.set_next_step(7);
  CHECK(ReadAfter(push).version() == 7);
  CHECK(ReadAfter(push).newest());
  push.set_next_step(10);  // for the last evaluation
  CHECK(ReadAfter(push).version() == 10);
  CHECK_FALSE(ReadAfter(push).newest());
  CHECK(ReadAfter(push).plan() == 3);
  CHECK(ReadAfter(push).block_begin() == 1);
}

}  // namespace
}  // namespace paracord
