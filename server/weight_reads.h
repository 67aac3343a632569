// Answers reads of a shard's weights: at once, later, or not at all, as the job's consistency says,
// and counts how stale they were. Belongs to its shard's strand.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/crew.h"
#include "common/base/timer.h"
#include "common/job/consistency_spec.h"
#include "common/rpc/shard.h"
#include "server/block_store.h"
#include "server/consistency.h"
#include "server/parked_pulls.h"

namespace paracord {

// What a pushed step makes of its blocks, as a read of them. What the last evaluation reads lacks
// nothing.
pb::PullHeader ReadAfter(const pb::PushHeader& push);

class WeightReads {
 public:
  // `timer` and `crew` outlive it.
  WeightReads(Timer& timer, Crew& crew) : timer_(timer), crew_(crew) {}

  // Reads go to `store`, which outlives this or the next call; null: there are none any more.
  void Open(const BlockStore* store) { store_ = store; }
  // How stale a read of the newest may be.
  void Follow(const ConsistencySpec& consistency);

  // OutOfRange: that version is gone. The blocks are the store's.
  void Take(const pb::PullHeader& header, Callback<Payload> done);
  // Those that waited for what is there now.
  void AnswerWaiting();
  // Of the worst of the blocks.
  BulkSynchronous::Pull Judge(const pb::PullHeader& header) const;

  void CancelBelow(uint64_t plan, const absl::Status& status) { parked_.CancelBelow(plan, status); }
  void CancelAll(const absl::Status& status) { parked_.CancelAll(status); }
  void Expire() { parked_.Expire(timer_.Now()); }

  // Answers that were reads of the newest, by staleness in steps; the last entry holds those of
  // more, too.
  const std::vector<uint64_t>& staleness_counts() const { return staleness_counts_; }

 private:
  uint64_t Staleness(const pb::PullHeader& header) const;
  Payload Read(const pb::PullHeader& header);

  Timer& timer_;
  Crew& crew_;
  const BlockStore* store_ = nullptr;
  BoundedStaleness rule_;
  ParkedPulls parked_;
  std::vector<uint64_t> staleness_counts_;
};

}  // namespace paracord
