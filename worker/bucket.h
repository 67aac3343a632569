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

// Blocks that travel together.
struct BlockRun {
  BlockRange blocks;
  size_t parts;  // after so many parts their gradients are complete
  bool operator==(const BlockRun&) const = default;
};

// `parts`: the model's floats, in the order in which their gradients become complete. Runs in that
// order too: each leaves when it has half a MiB, because a call costs as much as some 200 KiB, or
// when the next part is elsewhere. The metrics go with the model's last block. Depends on the model
// alone.
inline std::vector<BlockRun> RunsOf(const BlockGrid& grid, const std::vector<FloatRange>& parts) {
  constexpr uint64_t kRunFloats = (1 << 19) / sizeof(float);
  std::vector<size_t> complete(grid.blocks(), 0);  // after how many parts each block is
  for (size_t i = 0; i < parts.size(); ++i) {
    const BlockRange over = grid.BlocksOver(parts[i]);
    std::fill(complete.begin() + static_cast<int64_t>(over.begin),
              complete.begin() + static_cast<int64_t>(over.end), i + 1);
  }
  std::vector<BlockRun> pieces;
  for (uint64_t b = 0; b < grid.blocks(); ++b) {
    if (!pieces.empty() && (complete[b] == 0 || complete[b] == pieces.back().parts)) {
      pieces.back().blocks.end = b + 1;
    } else {
      pieces.push_back({{b, b + 1}, complete[b]});
    }
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const BlockRun& a, const BlockRun& b) { return a.parts < b.parts; });
  std::vector<BlockRun> runs;
  for (const BlockRun& piece : pieces) {
    BlockRun* const last = runs.empty() ? nullptr : &runs.back();
    const bool open = last != nullptr && grid.Floats(last->blocks) < kRunFloats;
    if (open && piece.blocks.end == last->blocks.begin) {
      *last = {{piece.blocks.begin, last->blocks.end}, piece.parts};
    } else if (open && piece.blocks.begin == last->blocks.end) {
      *last = {{last->blocks.begin, piece.blocks.end}, piece.parts};
    } else {
      runs.push_back(piece);
    }
  }
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
