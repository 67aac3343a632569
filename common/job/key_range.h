// The block grid: every tensor cut into blocks of a fixed run of floats, numbered through the
// model, first layer first. It depends on the model alone. A shard owns a range of block numbers;
// ranges are cut by bytes, at block boundaries.
#pragma once

#include <cstdint>
#include <vector>

#include "common/job/model_spec.h"

namespace paracord {

// 64 KiB: small enough that a fused update stays in the L2 cache and small models spread evenly,
// large enough that the work for each block does not show.
inline constexpr uint64_t kBlockFloats = 16384;

struct BlockRange {
  uint64_t begin = 0, end = 0;  // block numbers, half-open
  uint64_t size() const { return end - begin; }
  bool Contains(uint64_t block) const { return begin <= block && block < end; }
  bool operator==(const BlockRange&) const = default;
};

struct BlockInfo {
  uint32_t tensor;  // index into the grid's tensors
  uint64_t offset;  // first float, within the tensor
  uint32_t floats;  // at most kBlockFloats; the last block of a tensor may be shorter
};

// Floats of the model, its tensors one after the other, half-open.
struct FloatRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
  bool operator==(const FloatRange&) const = default;
};

class BlockGrid {
 public:
  // `tensors`: the model's, in order; the job's metrics tensor (kSum) is the last.
  explicit BlockGrid(std::vector<TensorSpec> tensors);

  const std::vector<TensorSpec>& tensors() const { return tensors_; }
  uint64_t blocks() const { return blocks_.size(); }
  const BlockInfo& block(uint64_t number) const { return blocks_[number]; }
  TensorKind kind(uint64_t number) const { return tensors_[blocks_[number].tensor].kind; }
  BlockRange BlocksOf(uint32_t tensor) const { return {first_[tensor], first_[tensor + 1]}; }
  uint64_t Floats(BlockRange range) const;
  FloatRange FloatsOf(BlockRange range) const;
  // The blocks that hold any of `floats`.
  BlockRange BlocksOver(FloatRange floats) const;
  // The first block that begins at `place` or later; blocks() if none does.
  uint64_t FirstBlockFrom(uint64_t place) const;
  // `parts` adjacent ranges that cover the grid, as even in bytes as block boundaries allow; some
  // may be empty if there are more parts than blocks.
  std::vector<BlockRange> Cut(uint32_t parts) const;

 private:
  std::vector<TensorSpec> tensors_;
  std::vector<BlockInfo> blocks_;
  std::vector<uint64_t> first_;          // of each tensor; one more at the end
  std::vector<uint64_t> floats_before_;  // prefix sums over blocks
};

// The grid of a job: its model's tensors and the metrics tensor.
struct JobSpec;
BlockGrid GridOf(const JobSpec& spec);

}  // namespace paracord
