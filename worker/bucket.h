// The gradients of a run of blocks over a task's virtual workers: leaves come in any order from any
// thread, are added along the canonical tree, and leave as the fewest whole nodes. The bits are
// those of the tree, whoever came first.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/mutex.h"
#include "common/job/key_range.h"
#include "common/job/reduction_tree.h"
#include "common/job/tree_sum.h"

namespace paracord {

// Which blocks travel together, from the front of the model; the last run has the metrics.
// Gradients become complete in `parts`, from the model's end to its begin: a run leaves as soon as
// it is complete and has about 1 MiB, because a call costs as much as some 200 KiB. Depends on the
// model alone.
inline std::vector<BlockRange> RunsOf(const BlockGrid& grid, const std::vector<FloatRange>& parts) {
  constexpr uint64_t kRunFloats = (1 << 20) / sizeof(float);
  std::vector<BlockRange> runs;
  uint64_t end = grid.blocks();
  for (const FloatRange& part : parts) {
    const uint64_t begin = grid.FirstBlockFrom(part.begin);
    if (begin == 0 || grid.Floats({begin, end}) < kRunFloats) continue;
    runs.push_back({begin, end});
    end = begin;
  }
  runs.push_back({0, end});
  std::reverse(runs.begin(), runs.end());
  return runs;
}

class Bucket {
 public:
  // For the gradients of `blocks` and `leaves` virtual workers of this task.
  Bucket(BlockRange blocks, uint32_t leaves) : blocks_(blocks), expected_(leaves) {}

  const BlockRange& blocks() const { return blocks_; }

  // One virtual worker's gradients. True: it was the last.
  bool Add(const ReductionTree& tree, uint32_t leaf, Payload gradients, BufferPool& pool) {
    MutexLock lock(mutex_);
    sum_.Add(tree, {leaf, leaf + 1}, std::move(gradients), pool);
    return ++added_ == expected_;
  }

  // After the last Add: what to push. Empties the bucket for the next step.
  std::vector<TreeSum::Partial> Take(const ReductionTree& tree, BufferPool& pool) {
    MutexLock lock(mutex_);
    added_ = 0;
    return sum_.TakeAll(tree, pool);
  }

 private:
  const BlockRange blocks_;
  const uint32_t expected_;
  Mutex mutex_;
  TreeSum sum_ ABSL_GUARDED_BY(mutex_);
  uint32_t added_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
