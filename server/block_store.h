// The weights of one shard: immutable versions of blocks, and the optimizer's state beside them.
//
// Applying step t to a block writes version t+1 into a fresh buffer; nobody ever writes to a
// published one. State is updated in place while nobody else holds it and copied when a checkpoint
// does. So a read or a snapshot is a reference. Minibatches that are applied as they come make
// new weights of the same version, which rises when the ledger has all of its step. Belongs to its
// shard's strand.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/buffer_pool.h"
#include "common/base/payload.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/optimizer.h"
#include "common/job/tree_sum.h"
#include "server/minibatch_ledger.h"

namespace paracord {

// References to one block at one moment; whoever holds it may read it on any thread.
struct BlockSnapshot {
  uint64_t block = 0;
  uint64_t version = 0;
  std::shared_ptr<const float> weights;         // [floats] at `version`
  std::shared_ptr<const float> previous;        // at `version` - 1, or null
  std::shared_ptr<const float> state1, state2;  // or null
  uint32_t floats = 0;
  std::vector<uint64_t>
      ahead{};  // minibatches of steps from `version` on: see MinibatchLedger::List
};

class BlockStore {
 public:
  // `grid` outlives the store. `slices`: of a step, the job's virtual workers. `skips`: gradients
  // may be poisoned (poison.h), and the metrics' last float counts the steps of which one was.
  BlockStore(const BlockGrid& grid, BlockRange range, const OptimizerSpec& optimizer,
             uint32_t slices, bool skips = false);

  BlockRange range() const { return range_; }
  BufferPool& pool() { return pool_; }
  // Bytes for `range` at steady state: two versions, optimizer's state, and one version in the
  // making or in a checkpoint.
  static uint64_t BudgetBytes(const BlockGrid& grid, BlockRange range, OptimizerSpec::Kind kind);

  // Version 0 of every block, drawn from the seed; states zero.
  void Initialize(uint64_t seed);
  // Takes a block as it was stored. Missing states: zero.
  void Restore(const BlockSnapshot& block);

  uint64_t version(uint64_t block) const { return At(block).version; }
  bool has_previous(uint64_t block) const { return At(block).previous != nullptr; }
  // Of all blocks, metrics too: a task that began later than one of them would wait for what nobody
  // sends any more.
  uint64_t LowestVersion() const;

  // Version t+1 of `block`, which is at t. A poisoned total: weights and states are those of t.
  void Apply(uint64_t block, const TreeSum::Total& total, const UpdateStep& step);
  // Of the gradient that `total` is, in an order that does not depend on how it arrived.
  double SquaredNorm(uint64_t block, const TreeSum::Total& total) const;
  // The gradient of some of a step's minibatches (not trained: their shares of an average), none of
  // which the block has; its version rises if they were the last ones missing of it. A poisoned
  // one is had, and changes nothing else.
  void ApplyMinibatches(uint64_t block, const Payload& gradient, const UpdateStep& update,
                        uint64_t step, const TreeNode& slices);
  // How many of these minibatches are in the block's weights.
  uint32_t CountOf(uint64_t block, uint64_t step, const TreeNode& slices) const;
  const MinibatchLedger& ledger(uint64_t block) const { return At(block).ledger; }
  // In the block's weights, of all steps.
  uint64_t minibatches(uint64_t block) const;
  bool trains(uint64_t block) const { return grid_.kind(block) != TensorKind::kSum; }
  void DropPrevious(uint64_t block) { At(block).previous = nullptr; }
  // The floats of `block` at its version, or the one before.
  Payload Read(uint64_t block, bool previous) const;
  BlockSnapshot Snapshot(uint64_t block) const;

 private:
  struct Block {
    explicit Block(uint32_t slices) : ledger(slices) {}
    uint64_t version = 0;
    FloatBuffer current, previous, state1, state2;
    MinibatchLedger ledger;
  };
  Block& At(uint64_t block) { return blocks_[block - range_.begin]; }
  const Block& At(uint64_t block) const { return blocks_[block - range_.begin]; }
  bool Trained(uint64_t block) const { return grid_.kind(block) == TensorKind::kTrained; }
  // What `total` makes of the block's weights; its state is moved on.
  FloatBuffer Updated(uint64_t number, const TreeSum::Total& total, const UpdateStep& step);
  // Of the metrics, whose slices said whether they were skipped: one more step, if any did.
  void CountSkip(const Block& block, uint32_t count, float* next) const;
  FloatBuffer Zeros(uint32_t count);
  // The buffer to write the next state to: `state` itself, if nobody else holds it.
  FloatBuffer Writable(const FloatBuffer& state, uint32_t count);

  const BlockGrid& grid_;
  const BlockRange range_;
  const OptimizerSpec optimizer_;
  const int states_;
  const uint32_t slices_;
  const bool skips_;
  BufferPool pool_;
  std::vector<Block> blocks_;
};

}  // namespace paracord
