#include "server/tally.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

// Blocks: 0 to 2 are weights, 3 is metrics. Four steps an epoch, of four slices of 2, 3, 2, 3
// samples.
struct Fixture {
  explicit Fixture(std::vector<int64_t> sizes = {6, 4, 3}, uint64_t samples = 40)
      : job(MakeIt(std::move(sizes))) {
    store.Initialize(1);
    tally.Know(samples);
  }
  static std::shared_ptr<const ShardJob> MakeIt(std::vector<int64_t> sizes) {
    JobSpec spec = MakeJob("j", std::move(sizes), OptimizerSpec::Kind::kSgd, 4)->spec;
    spec.batch_size = 10;
    return std::make_shared<const ShardJob>("j", spec);
  }
  // What the ledger says, and nothing else.
  void Record(uint64_t step, TreeNode slices, const std::vector<uint64_t>& blocks) {
    for (const uint64_t block : blocks) {
      const std::vector<float> floats(job->grid.block(block).floats, 0.0f);
      store.ApplyMinibatches(block, OwnedPayload(floats), UpdateStep(), step, slices);
    }
  }
  void Minibatches(uint64_t step, TreeNode slices, const std::vector<uint64_t>& blocks) {
    Record(step, slices, blocks);
    tally.AddMinibatches(step, slices, blocks);
  }
  // "epoch: applied repeated lost" of each.
  std::string Text() const { return Text(tally); }
  std::string Text(const Tally& of) const {
    std::string out;
    for (const pb::EpochTally& epoch : of.Count(store)) {
      out += absl::StrCat(out.empty() ? "" : ", ", epoch.epoch(), ": ", epoch.applied(), " ",
                          epoch.repeated(), " ", epoch.lost());
    }
    return out;
  }

  const std::shared_ptr<const ShardJob> job;
  const std::vector<uint64_t> weights{0, 1, 2};
  BlockStore store{job->grid, {0, job->grid.blocks()}, job->spec.optimizer, 4};
  Tally tally{*job, store.range()};
};

TEST_CASE("nothing is counted before the number of samples is known") {
  Fixture f({6, 4, 3}, 0);
  f.Minibatches(0, {0, 4}, f.weights);
  CHECK(f.Text().empty());
  CHECK(f.tally.samples() == 0);
  f.tally.Know(40);
  f.tally.Know(50);  // too late
  CHECK(f.tally.samples() == 40);
}

TEST_CASE("a step counts its batch, in its epoch, once every block has it") {
  Fixture f;
  for (const uint64_t block : f.weights) {
    f.Record(0, {0, 4}, {block});
    f.tally.AddStep(0, {block});
    CHECK(f.Text() == (block < 2 ? "0: 0 0 0" : "0: 10 0 0"));
  }
  for (uint64_t step = 1; step < 5; ++step) {
    f.Record(step, {0, 4}, f.weights);
    f.tally.AddStep(step, f.weights);
  }
  CHECK(f.Text() == "0: 40 0 0, 1: 10 0 0");
}

TEST_CASE("minibatches count their samples, whichever steps they are of") {
  Fixture f;
  f.Minibatches(5, {1, 2}, f.weights);
  f.Minibatches(0, {2, 4}, f.weights);
  CHECK(f.Text() == "0: 5 0 0, 1: 3 0 0");
  f.Minibatches(0, {0, 2}, {0, 1});
  CHECK(f.Text() == "0: 5 0 0, 1: 3 0 0");
  f.Minibatches(0, {0, 2}, {2});
  CHECK(f.Text() == "0: 10 0 0, 1: 3 0 0");
}

TEST_CASE("the last batch of an epoch counts as short as it is") {
  Fixture f({6, 4, 3}, 33);
  for (uint64_t step = 0; step < 4; ++step) f.Minibatches(step, {0, 4}, f.weights);
  CHECK(f.Text() == "0: 33 0 0");
}

TEST_CASE("a block that has samples twice does not hide another that lacks them") {
  Fixture f;
  f.Record(0, {0, 4}, f.weights);
  f.tally.AddStep(0, {0, 0, 2});  // block 1 recorded it and never changed
  CHECK(f.Text() == "0: 0 10 10");
}

TEST_CASE("repeated and lost are those of the worst block") {
  Fixture f;
  f.Minibatches(0, {0, 4}, f.weights);
  f.tally.AddMinibatches(0, {0, 1}, {0});
  f.tally.AddMinibatches(0, {0, 2}, {2});
  CHECK(f.Text() == "0: 10 5 0");
  f.Record(1, {1, 2}, {1});
  f.Record(2, {0, 1}, {0});  // made up for by its surplus of as many: counts cannot tell
  CHECK(f.Text() == "0: 10 5 3");
}

TEST_CASE("an epoch that is over goes on being watched") {
  Fixture f;
  for (uint64_t step = 0; step < 9; ++step) f.Minibatches(step, {0, 4}, f.weights);
  CHECK(f.Text() == "0: 40 0 0, 1: 40 0 0, 2: 10 0 0");
  f.tally.AddMinibatches(3, {3, 4}, {1});
  CHECK(f.Text() == "0: 40 3 0, 1: 40 0 0, 2: 10 0 0");
}

TEST_CASE("what was counted comes back as it was stored") {
  Fixture f;
  for (uint64_t step = 0; step < 5; ++step) f.Minibatches(step, {0, 4}, f.weights);
  f.Minibatches(6, {0, 2}, {0, 1});
  f.tally.AddMinibatches(2, {0, 1}, {2});
  f.Record(8, {0, 1}, {1});
  f.tally.AddMinibatches(8, {0, 1}, {2});
  const std::string before = f.Text();
  CHECK(before == "0: 40 2 0, 1: 10 0 0, 2: 0 2 2");
  Tally again(*f.job, f.store.range());
  again.Know(40);
  again.Restore(f.tally.Stored(f.store), f.store.range());
  CHECK(f.Text(again) == before);
  again.AddMinibatches(6, {0, 2}, {2});
  f.Record(6, {0, 2}, {2});
  CHECK(f.Text(again) == "0: 40 2 0, 1: 15 0 0, 2: 0 2 2");
}

TEST_CASE("an epoch that is the same for all blocks is stored as one number") {
  Fixture f(std::vector<int64_t>(1000, 1));
  std::vector<uint64_t> all(1000);
  for (uint64_t block = 0; block < all.size(); ++block) all[block] = block;
  for (uint64_t step = 0; step < 5; ++step) f.tally.AddStep(step, all);
  f.tally.AddStep(5, {500});
  const Tally::Epochs stored = f.tally.Stored(f.store);
  REQUIRE(stored.size() == 2);
  CHECK(stored[0].runs_size() == 1);
  CHECK(stored[1].runs_size() == 3);
}

TEST_CASE("counts of more blocks than there are change nothing else") {
  Fixture f;
  f.Record(0, {0, 4}, f.weights);
  Tally::Epochs stored;
  pb::EpochTally::Run* run = stored.Add()->add_runs();
  run->set_blocks(UINT64_MAX);
  run->set_samples(10);
  *stored[0].add_runs() = *run;
  f.tally.Restore(stored, f.store.range());
  CHECK(f.Text() == "0: 10 0 0");
}

// A walk for each epoch would make 10,000 times 200,000 visits: minutes.
TEST_CASE("an audit of many epochs walks the ledgers once, however much these hold") {
  constexpr uint64_t kBlocks = 64, kEpochs = 10'000, kEach = 200'000 / kBlocks;
  Fixture f(std::vector<int64_t>(kBlocks, 1), 10);  // an epoch is a step
  std::vector<uint64_t> all(kBlocks);
  for (uint64_t block = 0; block < kBlocks; ++block) {
    all[block] = block;
    BlockSnapshot stored = f.store.Snapshot(block);
    for (uint64_t i = 0; i < kEach; ++i) stored.ahead.push_back((1 + i * 3) * 4);  // slice 0
    f.store.Restore(stored);
  }
  for (uint64_t epoch = 1; epoch < kEpochs; ++epoch) f.tally.AddMinibatches(epoch, {0, 1}, all);
  const Tally::Epochs epochs = f.tally.Count(f.store);
  REQUIRE(static_cast<uint64_t>(epochs.size()) == kEpochs - 1);
  for (const pb::EpochTally& epoch : epochs) {
    const bool recorded = epoch.epoch() % 3 == 1 && epoch.epoch() < 1 + kEach * 3;
    REQUIRE(epoch.applied() == (recorded ? 2 : 0));
    REQUIRE(epoch.repeated() == (recorded ? 0 : 2));
  }
}

}  // namespace
}  // namespace paracord
