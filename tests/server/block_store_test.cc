#include "server/block_store.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;

// Blocks: 0, 1 trained (one tensor of 20,000 floats), 2 averaged, 3 metrics.
std::shared_ptr<const ShardJob> Job(Kind kind) { return MakeJob("j", {20'000, 5}, kind, 2); }

TreeSum::Total TotalOf(const ShardJob& job, uint64_t block, float left, float right) {
  const size_t count = job.grid.block(block).floats;
  return {OwnedPayload(std::vector<float>(count, left)),
          OwnedPayload(std::vector<float>(count, right))};
}

void ApplyAll(BlockStore& store, const ShardJob& job, uint64_t step, float gradient) {
  const UpdateStep update = PrepareUpdate(job.spec.optimizer, step, 10);
  for (uint64_t block = 0; block < job.grid.blocks(); ++block) {
    store.Apply(block, TotalOf(job, block, gradient, 0.25f), update);
  }
}

std::vector<float> Copy(const std::shared_ptr<const float>& floats, uint32_t count) {
  return floats ? std::vector<float>(floats.get(), floats.get() + count) : std::vector<float>();
}

bool Equal(const BlockSnapshot& a, const BlockSnapshot& b) {
  const auto same = [&](const auto& x, const auto& y) {
    return SameBits(Copy(x, a.floats), Copy(y, b.floats));
  };
  return a.block == b.block && a.version == b.version && a.floats == b.floats &&
         same(a.weights, b.weights) && same(a.previous, b.previous) && same(a.state1, b.state1) &&
         same(a.state2, b.state2);
}

TEST_CASE("first values of a block are those of its place in its tensor") {
  const auto job = Job(Kind::kSgd);
  BlockStore store(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  store.Initialize(job->spec.seed);
  std::vector<float> whole(20'000);
  FirstValues(job->spec.seed, job->grid.tensors()[0], 0, whole.size(), whole.data());
  std::vector<float> found = ToFloats(store.Read(0, false));
  const std::vector<float> rest = ToFloats(store.Read(1, false));
  found.insert(found.end(), rest.begin(), rest.end());
  CHECK(SameBits(found, whole));
  CHECK(store.LowestVersion() == 0);
  CHECK_FALSE(store.has_previous(0));
}

TEST_CASE("a version that somebody holds never changes, whatever is applied after it") {
  for (const Kind kind : {Kind::kSgd, Kind::kMomentum, Kind::kAdam}) {
    const auto job = Job(kind);
    BlockStore store(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
    store.Initialize(1);
    ApplyAll(store, *job, 0, 0.5f);
    std::vector<BlockSnapshot> held;
    std::vector<std::vector<float>> weights, state1, state2;
    std::vector<Payload> read;
    for (uint64_t b = 0; b < job->grid.blocks(); ++b) {
      held.push_back(store.Snapshot(b));
      read.push_back(store.Read(b, false));
      weights.push_back(Copy(held[b].weights, held[b].floats));
      state1.push_back(Copy(held[b].state1, held[b].floats));
      state2.push_back(Copy(held[b].state2, held[b].floats));
    }
    for (uint64_t step = 1; step < 5; ++step) ApplyAll(store, *job, step, 1.5f);
    for (uint64_t b = 0; b < job->grid.blocks(); ++b) {
      INFO("optimizer " << static_cast<int>(kind) << ", block " << b);
      CHECK(SameBits(Copy(held[b].weights, held[b].floats), weights[b]));
      CHECK(SameBits(Copy(held[b].state1, held[b].floats), state1[b]));
      CHECK(SameBits(Copy(held[b].state2, held[b].floats), state2[b]));
      CHECK(SameBits(ToFloats(read[b]), weights[b]));
    }
  }
}

TEST_CASE("state is updated in place while nobody holds it, in a copy while somebody does") {
  const auto job = Job(Kind::kMomentum);
  BlockStore store(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  store.Initialize(1);
  const float* before = store.Snapshot(0).state1.get();
  ApplyAll(store, *job, 0, 1);
  CHECK(store.Snapshot(0).state1.get() == before);
  const BlockSnapshot holder = store.Snapshot(0);
  ApplyAll(store, *job, 1, 1);
  CHECK(store.Snapshot(0).state1.get() != before);
}

TEST_CASE("the bits do not depend on whether snapshots were held") {
  const auto job = Job(Kind::kAdam);
  BlockStore free(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  BlockStore held(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  free.Initialize(3);
  held.Initialize(3);
  std::vector<BlockSnapshot> holders;
  for (uint64_t step = 0; step < 6; ++step) {
    for (uint64_t b = 0; b < job->grid.blocks(); ++b) holders.push_back(held.Snapshot(b));
    ApplyAll(free, *job, step, 0.1f * static_cast<float>(step));
    ApplyAll(held, *job, step, 0.1f * static_cast<float>(step));
  }
  for (uint64_t b = 0; b < job->grid.blocks(); ++b) {
    CHECK(Equal(free.Snapshot(b), held.Snapshot(b)));
  }
}

TEST_CASE("the version before is there until it is dropped, and what is read of it is its own") {
  const auto job = Job(Kind::kSgd);
  BlockStore store(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  store.Initialize(1);
  const std::vector<float> first = ToFloats(store.Read(1, false));
  ApplyAll(store, *job, 0, 1);
  REQUIRE(store.has_previous(1));
  CHECK(SameBits(ToFloats(store.Read(1, true)), first));
  CHECK_FALSE(SameBits(ToFloats(store.Read(1, false)), first));
  store.DropPrevious(1);
  CHECK_FALSE(store.has_previous(1));
  CHECK(store.has_previous(0));
}

TEST_CASE("sums and averages become the sum itself, the last addition included") {
  const auto job = Job(Kind::kAdam);
  BlockStore store(job->grid, {0, job->grid.blocks()}, job->spec.optimizer, job->tree.leaves());
  store.Initialize(1);
  ApplyAll(store, *job, 0, 2);
  CHECK(ToFloats(store.Read(2, false)) == std::vector<float>(5, 2.25f));
  CHECK(ToFloats(store.Read(3, false)) == std::vector<float>(4, 2.25f));
  const UpdateStep update = PrepareUpdate(job->spec.optimizer, 1, 10);
  store.Apply(3, {OwnedPayload({-0.0f, 4, 1, 2}), Payload()}, update);
  CHECK(SameBits(ToFloats(store.Read(3, false)), {-0.0f, 4, 1, 2}));
}

TEST_CASE("a store that was restored from snapshots goes on with the same bits") {
  for (const Kind kind : {Kind::kSgd, Kind::kMomentum, Kind::kAdamw}) {
    const auto job = Job(kind);
    const BlockRange all{0, job->grid.blocks()};
    BlockStore unbroken(job->grid, all, job->spec.optimizer, job->tree.leaves());
    unbroken.Initialize(1);
    ApplyAll(unbroken, *job, 0, 1);
    BlockStore restored(job->grid, all, job->spec.optimizer, job->tree.leaves());
    for (uint64_t b = 0; b < all.end; ++b) restored.Restore(unbroken.Snapshot(b));
    for (uint64_t b = 0; b < all.end; ++b) {
      CHECK(Equal(restored.Snapshot(b), unbroken.Snapshot(b)));
    }
    ApplyAll(unbroken, *job, 1, 0.3f);
    ApplyAll(restored, *job, 1, 0.3f);
    for (uint64_t b = 0; b < all.end; ++b) {
      CHECK(Equal(restored.Snapshot(b), unbroken.Snapshot(b)));
    }
  }
}

TEST_CASE("weights of one dimension do not decay if the job says so, and others do") {
  JobSpec spec;
  spec.optimizer.weight_decay = 0.5;
  for (const Shape& shape : {Shape{3, 2}, Shape{6}, Shape{6, 1}}) {
    TensorSpec tensor;
    tensor.shape = shape;
    tensor.initializer.kind = InitializerSpec::Kind::kOne;
    spec.model.tensors.push_back(tensor);
  }
  for (const bool all : {true, false}) {
    spec.optimizer.decays_vectors = all;
    const auto job = std::make_shared<const ShardJob>("j", spec);
    BlockStore store(job->grid, {0, 3}, spec.optimizer, 1);
    store.Initialize(1);
    const UpdateStep update = PrepareUpdate(spec.optimizer, 0, 10);
    const auto lr = static_cast<float>(spec.optimizer.lr);
    for (uint64_t block = 0; block < 3; ++block) {
      const Payload gradient = OwnedPayload(std::vector<float>(6, 0.25f));
      if (block < 2) store.Apply(block, {gradient, Payload()}, update);
      if (block == 2) store.ApplyMinibatches(block, gradient, update, 0, {0, 1});
      const float decay = all || block != 1 ? 0.5f : 0.0f;
      CHECK(SameBits(ToFloats(store.Read(block, false)),
                     std::vector<float>(6, 1 - lr * (0.25f + decay))));
    }
  }
}

TEST_CASE("a group of tensors has its own learning rate and decay, of a step and of minibatches") {
  JobSpec spec;
  spec.optimizer.weight_decay = 0.5;
  spec.optimizer.groups = {{"head.*", 4, 0.25}, {"body.*", 0, {}}};
  for (const char* name : {"body.weight", "head.weight", "last.weight", "head.bias"}) {
    TensorSpec tensor;
    tensor.name = name;
    tensor.shape = {3, 2};
    tensor.initializer.kind = InitializerSpec::Kind::kOne;
    spec.model.tensors.push_back(tensor);
  }
  const auto job = std::make_shared<const ShardJob>("j", spec);
  const UpdateStep update = PrepareUpdate(spec.optimizer, 0, 10);
  const auto lr = static_cast<float>(spec.optimizer.lr), g = 0.125f;
  const std::vector<float> expected = {1, 1 - (4 * lr) * (g + 0.25f), 1 - lr * (g + 0.5f),
                                       1 - (4 * lr) * (g + 0.25f)};
  for (const bool whole : {true, false}) {
    BlockStore store(job->grid, {0, 4}, spec.optimizer, 1);
    store.Initialize(1);
    for (uint64_t block = 0; block < 4; ++block) {
      CAPTURE(whole, block);
      const Payload gradient = OwnedPayload(std::vector<float>(6, g));
      if (whole) store.Apply(block, {gradient, Payload()}, update);
      if (!whole) store.ApplyMinibatches(block, gradient, update, 0, {0, 1});
      CHECK(SameBits(ToFloats(store.Read(block, false)), std::vector<float>(6, expected[block])));
    }
  }
}

TEST_CASE("the lowest version is that of all blocks, metrics too") {
  const auto job = Job(Kind::kSgd);
  BlockStore store(job->grid, {1, 4}, job->spec.optimizer, job->tree.leaves());
  store.Initialize(1);
  const UpdateStep update = PrepareUpdate(job->spec.optimizer, 0, 10);
  store.Apply(1, TotalOf(*job, 1, 1, 1), update);
  store.Apply(2, TotalOf(*job, 2, 1, 1), update);
  CHECK(store.LowestVersion() == 0);
  store.Apply(3, TotalOf(*job, 3, 1, 1), update);
  CHECK(store.LowestVersion() == 1);
}

TEST_CASE("the budget counts three versions and the optimizer's state") {
  const auto job = Job(Kind::kSgd);
  const uint64_t floats = 20'000 + 5 + 4;
  const BlockRange all{0, job->grid.blocks()};
  CHECK(BlockStore::BudgetBytes(job->grid, all, Kind::kSgd) == floats * 4 * 3);
  CHECK(BlockStore::BudgetBytes(job->grid, all, Kind::kMomentum) == floats * 4 * 5);
  CHECK(BlockStore::BudgetBytes(job->grid, all, Kind::kAdam) == floats * 4 * 7);
  CHECK(BlockStore::BudgetBytes(job->grid, {2, 3}, Kind::kAdam) == 5 * 4 * 7);
}

}  // namespace
}  // namespace paracord
