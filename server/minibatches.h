// Gradients of minibatches, for ssp and async: each sum of them changes a block once, when it
// arrives, as the block's ledger says. Metrics are summed by step, along the job's tree, and
// published in the order of steps, so that they describe whole batches. Belongs to its shard's
// strand.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/base/crew.h"
#include "common/job/tree_sum.h"
#include "proto/shard.pb.h"
#include "server/block_store.h"
#include "server/shard_job.h"
#include "server/tally.h"

namespace paracord {

class Minibatches {
 public:
  // All outlive it. `touched`: as stored.
  Minibatches(const ShardJob& job, BlockStore& store, Tally& tally, uint64_t touched)
      : job_(job), store_(store), tally_(tally), touched_(touched) {}

  // Takes a push that CheckPush has passed. Returns how many of its blocks had it already.
  uint64_t Count(const pb::PushHeader& header, const Payload& floats, Crew& crew);

  // Minibatches have been applied of steps before this one; 0: none ever.
  uint64_t touched() const { return touched_; }
  // Of steps from the store's lowest version on: what every block has, ascending.
  std::vector<uint64_t> Done() const;

 private:
  void Apply(uint64_t block, const pb::PushHeader& header, const Payload& gradient);
  void CountMetrics(uint64_t block, const pb::PushHeader& header, Payload floats);

  const ShardJob& job_;
  BlockStore& store_;
  Tally& tally_;
  uint64_t touched_;
  std::map<uint64_t, TreeSum> metrics_;  // by step, from the metrics' version on
};

}  // namespace paracord
