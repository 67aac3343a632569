// on_nonfinite: skip_step, as servers see it: poison of one slice in all of its blocks.
#include <algorithm>
#include <cmath>
#include <random>

#include "common/job/poison.h"
#include "server/minibatches.h"
#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

// Blocks 0, 1 (trained), 2 (averaged), 3 (metrics), four slices. What slice `slice` of a step says
// is the same for all floats; of the metrics the last float is whether it is skipped.
std::vector<float> LeafFloats(const ShardJob& job, uint64_t step, uint32_t slice, uint64_t block,
                              bool poisoned) {
  const bool metrics = job.grid.kind(block) == TensorKind::kSum;
  std::vector<float> floats(job.grid.block(block).floats,
                            0.1f * static_cast<float>(step + 1) + static_cast<float>(slice));
  if (metrics) floats.back() = poisoned ? 1 : 0;
  if (poisoned && metrics) floats.front() = 0;
  if (poisoned && !metrics) PoisonFloats(floats.data(), floats.size());
  return floats;
}

constexpr uint64_t kPoisonedStep = 1;
constexpr uint32_t kPoisonedSlice = 2;

std::vector<float> SumOf(const ShardJob& job, uint64_t step, TreeNode node, uint64_t block) {
  return CanonicalSum(node, [&](uint32_t slice) {
    const bool poisoned = step == kPoisonedStep && slice == kPoisonedSlice;
    return LeafFloats(job, step, slice, block, poisoned);
  });
}

bool SameSnapshots(const BlockSnapshot& a, const BlockSnapshot& b) {
  const auto same = [&](const auto& x, const auto& y) {
    return (x == nullptr) == (y == nullptr) &&
           (x == nullptr || std::equal(x.get(), x.get() + a.floats, y.get()));
  };
  return same(a.weights, b.weights) && same(a.state1, b.state1) && same(a.state2, b.state2);
}

TEST_CASE("a poisoned step leaves weights and states of every block, and the next one goes on") {
  for (const Kind kind : {Kind::kSgd, Kind::kMomentum, Kind::kAdam}) {
    const auto job = MakeJob("job", {20'000, 4, 3}, kind, 4, true);
    const BlockRange all{0, job->grid.blocks()};
    BlockStore store(job->grid, all, job->spec.optimizer, 4, true);
    BlockStore without(job->grid, all, job->spec.optimizer, 4, true);  // has no such step
    store.Initialize(1);
    without.Initialize(1);
    std::vector<BlockSnapshot> held;  // as a checkpoint holds them
    for (uint64_t step = 0; step < kSteps; ++step) {
      const UpdateStep update = PrepareUpdate(job->spec.optimizer, step, kSteps);
      for (uint64_t block = 0; block < all.end; ++block) {
        held.push_back(store.Snapshot(block));
        const BlockSnapshot before = store.Snapshot(block);
        const TreeSum::Total total{OwnedPayload(SumOf(*job, step, {0, 2}, block)),
                                   OwnedPayload(SumOf(*job, step, {2, 4}, block))};
        store.Apply(block, total, update);
        CAPTURE(static_cast<int>(kind), step, block);
        CHECK(store.version(block) == step + 1);
        CHECK(store.has_previous(block));
        if (!store.trains(block)) continue;
        if (step == kPoisonedStep) {
          CHECK(SameSnapshots(store.Snapshot(block), before));
          CHECK(SameBits(ToFloats(store.Read(block, true)), ToFloats(store.Read(block, false))));
        } else {
          without.Apply(block, total, update);
          CHECK_FALSE(SameSnapshots(store.Snapshot(block), before));
        }
        CHECK(SameSnapshots(store.Snapshot(block), without.Snapshot(block)));
      }
    }
    CHECK(ToFloats(store.Read(all.end - 1, false)).back() == 1);  // skipped, of all steps
  }
}

TEST_CASE("a job that is to fail applies what it is sent, NaN or not") {
  const auto job = MakeJob("job", {6, 4, 3}, Kind::kSgd, 4);
  BlockStore store(job->grid, {0, 4}, job->spec.optimizer, 4);
  store.Initialize(1);
  std::vector<float> poison(6);
  PoisonFloats(poison.data(), poison.size());
  store.Apply(0, {OwnedPayload(poison), Payload()}, PrepareUpdate(job->spec.optimizer, 0, kSteps));
  CHECK(std::isnan(ToFloats(store.Read(0, false))[0]));
}

TEST_CASE("an overflow of finite slices is no poison: it shows in the weights") {
  const auto job = MakeJob("job", {6, 4, 3}, Kind::kSgd, 4, true);
  BlockStore store(job->grid, {0, 4}, job->spec.optimizer, 4, true);
  store.Initialize(1);
  store.Apply(
      0, {OwnedPayload(std::vector<float>(6, 3e38f)), OwnedPayload(std::vector<float>(6, 3e38f))},
      PrepareUpdate(job->spec.optimizer, 0, kSteps));
  CHECK(std::isinf(ToFloats(store.Read(0, false))[0]));
}

// Whole steps in pieces: nodes of the tree, for runs of blocks, in drawn order and some twice.
std::vector<float> TrainInPieces(const std::vector<TreeNode>& nodes, uint32_t seed) {
  std::mt19937 random(seed);
  ShardFixture f(1 << 20, true);
  for (uint64_t step = 0; step < kSteps; ++step) {
    std::vector<std::pair<TreeNode, uint64_t>> pieces;
    for (const TreeNode& node : nodes) {
      for (uint64_t block = 0; block < 4; ++block) {
        for (uint32_t times = 0; times < 1 + random() % 2; ++times)
          pieces.emplace_back(node, block);
      }
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    for (const auto& [node, block] : pieces) {
      REQUIRE(f.Send(f.Header(step, node, {block, block + 1}),
                     OwnedPayload(SumOf(*f.job, step, node, block)))
                  .ok());
    }
    CHECK(f.Version().value() == step + 1);
  }
  const auto answer = f.Pull(kSteps, f.all);
  REQUIRE(CodeOf(answer) == absl::StatusCode::kOk);
  return ToFloats(***answer);
}

TEST_CASE("any workers, in any order and with repeats, come to the bits without the step") {
  const auto job = MakeJob("job", {6, 4, 3}, Kind::kMomentum, 4, true);
  BlockStore without(job->grid, {0, 4}, job->spec.optimizer, 4, true);
  without.Initialize(job->spec.seed);
  std::vector<float> expected;
  for (uint64_t block = 0; block < 4; ++block) {
    for (uint64_t step = 0; step < kSteps; ++step) {
      if (step == kPoisonedStep && block < 3) continue;
      without.Apply(block,
                    {OwnedPayload(SumOf(*job, step, {0, 2}, block)),
                     OwnedPayload(SumOf(*job, step, {2, 4}, block))},
                    PrepareUpdate(job->spec.optimizer, step, kSteps));
    }
    const std::vector<float> floats = ToFloats(without.Read(block, false));
    expected.insert(expected.end(), floats.begin(), floats.end());
  }
  CHECK(expected.back() == 1);
  const std::vector<std::vector<TreeNode>> cuts = {
      {{0, 4}}, {{0, 2}, {2, 4}}, {{0, 2}, {2, 3}, {3, 4}}, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}};
  for (const std::vector<TreeNode>& nodes : cuts) {
    for (uint32_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(nodes.size(), seed);
      CHECK(SameBits(TrainInPieces(nodes, seed), expected));
    }
  }
}

TEST_CASE("ssp, async: a poisoned minibatch is had, once, and changes no weights") {
  for (const Kind kind : {Kind::kSgd, Kind::kMomentum, Kind::kAdam}) {
    const auto job = MakeJob("job", {6, 4, 3}, kind, 4, true);
    BlockStore store(job->grid, {0, 4}, job->spec.optimizer, 4, true);
    store.Initialize(1);
    Tally tally(*job, {0, 4});
    Minibatches minibatches(*job, store, tally, 0);
    Crew crew(1);
    const auto push = [&](uint64_t step, TreeNode node) {
      pb::PushHeader header;
      header.set_step(step);
      header.set_total_steps(kSteps);
      header.set_node_begin(node.begin);
      header.set_node_end(node.end);
      header.set_block_end(4);
      header.set_minibatch(true);
      Payload floats;
      for (uint64_t b = 0; b < 4; ++b) floats.Append(OwnedPayload(SumOf(*job, step, node, b)));
      return minibatches.Count(header, floats, crew);
    };
    CHECK(push(0, {0, 4}) == 0);
    CHECK(push(1, {0, 2}) == 0);
    std::vector<BlockSnapshot> before;
    for (uint64_t b = 0; b < 3; ++b) before.push_back(store.Snapshot(b));
    CHECK(push(1, {2, 3}) == 0);
    CHECK(push(1, {2, 3}) == 3);  // a repeat
    for (uint64_t b = 0; b < 3; ++b) {
      CHECK(SameSnapshots(store.Snapshot(b), before[b]));
      CHECK(store.CountOf(b, 1, {0, 4}) == 3);
      CHECK(store.version(b) == 1);
    }
    CHECK(push(1, {3, 4}) == 0);
    for (uint64_t b = 0; b < 3; ++b) {
      CHECK_FALSE(SameSnapshots(store.Snapshot(b), before[b]));
      CHECK(store.version(b) == 2);
      CHECK(std::isfinite(ToFloats(store.Read(b, false))[0]));
    }
    CHECK(push(2, {0, 4}) == 0);
    CHECK(store.version(3) == 3);
    CHECK(ToFloats(store.Read(3, false)).back() == 1);
  }
}

}  // namespace
}  // namespace paracord
