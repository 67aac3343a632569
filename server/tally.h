// Counts samples as they change weights, block by block and beside the ledger, so that an audit can
// compare the two. Belongs to its shard's strand.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/job/key_range.h"
#include "common/job/sampler.h"
#include "proto/shard.pb.h"
#include "server/block_store.h"
#include "server/shard_job.h"

namespace paracord {

class Tally {
 public:
  using Epochs = google::protobuf::RepeatedPtrField<pb::EpochTally>;

  // Of the blocks of `range`; `job` outlives it.
  Tally(const ShardJob& job, BlockRange range) : job_(job), range_(range) {}

  // The number of training samples; nothing is counted before it is known.
  void Know(uint64_t samples);
  uint64_t samples() const { return sampler_ ? sampler_->samples() : 0; }

  // A whole step, or some of its minibatches, has changed these blocks of weights.
  void AddStep(uint64_t step, const std::vector<uint64_t>& blocks);
  void AddMinibatches(uint64_t step, const TreeNode& slices, const std::vector<uint64_t>& blocks);

  // What `store` has of each epoch of which anything was applied, for audits: one walk over the
  // ledgers, however many epochs there are.
  Epochs Count(const BlockStore& store) const;
  // Count's answer, which is told of an ended job from the disk, and what has been counted, to go
  // on with; and as it was stored, with `blocks`: of the tally that did. Know comes first.
  Epochs Stored(const BlockStore& store) const;
  void Restore(const Epochs& epochs, BlockRange blocks);

 private:
  // Samples applied to each trained block. Most epochs are over, and the same for all.
  struct Counts {
    uint64_t even = 0;
    std::vector<uint64_t> uneven;  // by place; empty: all are `even`
    uint64_t At(size_t place) const { return uneven.empty() ? even : uneven[place]; }
  };

  void Add(uint64_t step, uint64_t samples, const std::vector<uint64_t>& blocks);
  void Pack();
  uint64_t SizeOf(uint64_t step, uint32_t slice) const;
  std::map<uint64_t, uint64_t> Beyond(const BlockStore& store, uint64_t block) const;

  const ShardJob& job_;
  const BlockRange range_;
  std::optional<Sampler> sampler_;
  std::vector<uint64_t> trained_;  // blocks, ascending; a block's index is its place
  std::map<uint64_t, Counts> epochs_;
  std::set<uint64_t> under_way_;  // epochs that may be uneven
};

}  // namespace paracord
