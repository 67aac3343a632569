// Counts samples as they change weights, beside the ledger, so that an audit can compare the two.
// Belongs to its shard's strand.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/job/job_spec.h"
#include "common/job/sampler.h"
#include "proto/shard.pb.h"
#include "server/block_store.h"

namespace paracord {

class Tally {
 public:
  explicit Tally(const JobSpec& spec) : spec_(spec) {}

  // The number of training samples; nothing is counted before it is known.
  void Know(uint64_t samples);
  uint64_t samples() const { return sampler_ ? sampler_->samples() : 0; }

  // A whole step, or one minibatch, has changed so many blocks of weights.
  void AddStep(uint64_t step, uint64_t blocks);
  void AddMinibatches(uint64_t step, const TreeNode& slices, uint64_t blocks);

  // What `store` has of each epoch that has begun: see EpochTally.
  google::protobuf::RepeatedPtrField<pb::EpochTally> Count(const BlockStore& store) const;
  // As of `epochs`.
  void Restore(const google::protobuf::RepeatedPtrField<pb::EpochTally>& epochs);

 private:
  uint64_t SizeOf(uint64_t step, uint32_t slice) const;

  const JobSpec& spec_;
  std::optional<Sampler> sampler_;
  std::map<uint64_t, uint64_t> applications_;  // by epoch: samples, over all blocks
};

}  // namespace paracord
