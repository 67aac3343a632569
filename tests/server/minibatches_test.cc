#include "server/minibatches.h"

#include <catch2/catch.hpp>
#include <vector>

#include "server/push_check.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;
constexpr uint64_t kSteps = 10;

// Blocks: 0 and 1 trained, 2 averaged, 3 metrics; four slices.
struct Fixture {
  explicit Fixture(Kind kind = Kind::kSgd, double discount = 0) : job(MakeIt(kind, discount)) {
    store.Initialize(job->spec.seed);
    tally.Know(40);
  }

  static std::shared_ptr<const ShardJob> MakeIt(Kind kind, double discount) {
    JobSpec spec = MakeJob("j", {6, 4, 3}, kind, 4)->spec;
    spec.batch_size = 10;
    spec.staleness_discount = discount;
    return std::make_shared<const ShardJob>("j", spec);
  }

  pb::PushHeader Header(uint64_t step, TreeNode node, BlockRange blocks) const {
    pb::PushHeader header;
    header.set_plan(1);
    header.set_step(step);
    header.set_total_steps(kSteps);
    header.set_node_begin(node.begin);
    header.set_node_end(node.end);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    header.set_minibatch(true);
    return header;
  }
  absl::Status Check(uint64_t step, TreeNode node, BlockRange blocks) const {
    const pb::PushHeader header = Header(step, node, blocks);
    return CheckPush(*job, store, kSteps, header, job->grid.Floats(blocks) * sizeof(float));
  }
  // The blocks that had it already.
  uint64_t Push(uint64_t step, TreeNode node, BlockRange blocks, float value = 0.5f) {
    REQUIRE(Check(step, node, blocks).ok());
    const std::vector<float> floats(job->grid.Floats(blocks), value);
    return minibatches.Count(Header(step, node, blocks), OwnedPayload(floats), crew);
  }
  std::vector<float> Floats(uint64_t block) { return ToFloats(store.Read(block, false)); }

  const std::shared_ptr<const ShardJob> job;
  BlockStore store{job->grid, {0, 4}, job->spec.optimizer, 4};
  Tally tally{*job, store.range()};
  Minibatches minibatches{*job, store, tally, 0};
  Crew crew{1};
};

constexpr BlockRange kWeights{0, 3}, kMetrics{3, 4};

TEST_CASE("a step's version is there when the last of its minibatches is, in whatever order") {
  Fixture f;
  CHECK(f.Push(0, {2, 4}, kWeights) == 0);
  CHECK(f.Push(0, {0, 1}, kWeights) == 0);
  CHECK(f.store.version(0) == 0);
  CHECK(f.Push(0, {1, 2}, kWeights) == 0);
  CHECK(f.store.version(0) == 1);
  CHECK(f.store.ledger(0).count() == 0);
  CHECK(f.minibatches.touched() == 1);
}

TEST_CASE("a repeat changes nothing, alone or in its sum, before and after the version") {
  Fixture f(Kind::kMomentum);
  f.Push(0, {0, 2}, kWeights);
  const std::vector<float> weights = f.Floats(0);
  CHECK(f.Push(0, {0, 2}, kWeights) == 3);
  CHECK(f.Push(0, {1, 2}, kWeights) == 3);
  CHECK(SameBits(f.Floats(0), weights));
  f.Push(0, {2, 4}, kWeights);
  const std::vector<float> after = f.Floats(0);
  CHECK_FALSE(SameBits(after, weights));
  CHECK(f.Push(0, {0, 4}, kWeights) == 3);
  CHECK(SameBits(f.Floats(0), after));
}

TEST_CASE("a sum of which a block has a part is refused, and nothing of it counts") {
  Fixture f;
  f.Push(0, {1, 2}, {1, 2});
  CHECK(absl::IsInvalidArgument(f.Check(0, {0, 2}, kWeights)));
  CHECK(absl::IsInvalidArgument(f.Check(0, {0, 4}, kWeights)));
  CHECK(f.Check(0, {2, 4}, kWeights).ok());
  CHECK(f.Check(0, {0, 2}, {0, 1}).ok());
  CHECK(absl::IsInvalidArgument(f.Check(0, {1, 3}, kWeights)));  // no node
}

TEST_CASE("the mean of a whole step's minibatches does what the step does in bsp") {
  Fixture f;
  BlockStore bsp(f.job->grid, {0, 4}, f.job->spec.optimizer, 4);
  bsp.Initialize(f.job->spec.seed);
  for (uint64_t step = 0; step < 3; ++step) {
    f.Push(step, {0, 4}, kWeights, 0.25f);
    for (uint64_t block = 0; block < 3; ++block) {
      const std::vector<float> floats(f.job->grid.block(block).floats, 0.25f);
      bsp.Apply(block, {OwnedPayload(floats), Payload()},
                PrepareUpdate(f.job->spec.optimizer, step, kSteps));
      CHECK(SameBits(f.Floats(block), ToFloats(bsp.Read(block, false))));
    }
  }
}

TEST_CASE("averaged state is the mean over the step of what its minibatches say") {
  Fixture f;
  BlockSnapshot fours;
  fours.block = 2;
  fours.floats = 3;
  fours.weights =
      std::shared_ptr<const float>(new float[3]{4, 4, 4}, std::default_delete<const float[]>());
  f.store.Restore(fours);
  f.Push(0, {0, 2}, {2, 3}, 1.0f);  // two of four slices: their shares of an average
  CHECK(f.Floats(2) == std::vector<float>{3, 3, 3});
}

TEST_CASE("metrics are published step by step, each when all of its minibatches are there") {
  Fixture f;
  f.Push(1, {0, 4}, kMetrics, 8);
  f.Push(0, {0, 2}, kMetrics, 3);
  CHECK(f.store.version(3) == 0);
  f.Push(0, {2, 4}, kMetrics, 4);
  CHECK(f.store.version(3) == 2);
  CHECK(f.Floats(3)[0] == 8);
}

TEST_CASE("sums of metrics that bsp has gone past hold nothing up") {
  Fixture f;
  f.Push(0, {0, 2}, kMetrics, 3);
  for (uint64_t step = 0; step < 2; ++step) {  // a plan of bsp finishes steps 0 and 1
    const std::vector<float> floats(f.job->grid.block(3).floats, 1.0f);
    f.store.Apply(3, {OwnedPayload(floats), Payload()}, UpdateStep());
  }
  f.Push(2, {0, 4}, kMetrics, 5);
  CHECK(f.store.version(3) == 3);
  CHECK(f.Floats(3)[0] == 5);
}

TEST_CASE("done is what every block has, of steps from the lowest version on") {
  Fixture f;
  CHECK(f.minibatches.Done().empty());
  f.Push(0, {0, 4}, {0, 2});
  f.Push(0, {0, 4}, kMetrics);
  f.Push(0, {1, 2}, {2, 3});
  CHECK(f.minibatches.Done() == std::vector<uint64_t>{1});
  f.Push(2, {2, 4}, kWeights);
  CHECK(f.minibatches.Done() == std::vector<uint64_t>{1});
  f.Push(2, {2, 3}, kMetrics);
  CHECK(f.minibatches.Done() == std::vector<uint64_t>{1, 10});
  for (const uint32_t slice : {0u, 2u, 3u}) f.Push(0, {slice, slice + 1}, {2, 3});
  CHECK(f.store.LowestVersion() == 1);
  CHECK(f.minibatches.Done() == std::vector<uint64_t>{10});
}

TEST_CASE("a stale gradient is damped as the job says") {
  const auto moved = [](double discount) {
    Fixture f(Kind::kSgd, discount);
    f.Push(3, {0, 1}, kWeights, 0.0f);
    const float before = f.Floats(0)[0];
    f.Push(1, {0, 1}, kWeights, 1.0f);  // two steps behind
    return before - f.Floats(0)[0];
  };
  CHECK(moved(0.5) == Approx(moved(0) / 2).epsilon(1e-3));
}

}  // namespace
}  // namespace paracord
