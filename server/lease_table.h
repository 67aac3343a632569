// Hands out a job's minibatches, each once under one plan, the oldest first. What a task did not
// finish comes back with the next plan, which finds it missing in some shard's ledger. Of the job's
// first shard; belongs to its strand.
//
// Of a step that nobody had touched when the plan began a task gets its share at once, to be pushed
// as the fewest sums that the tree allows: no block can have a part of one, as none has anything of
// the step. Of older steps minibatches go one by one.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "absl/status/statusor.h"
#include "common/job/reduction_tree.h"
#include "proto/shard.pb.h"

namespace paracord {

class LeaseTable {
 public:
  // Over a step's slices.
  explicit LeaseTable(const ReductionTree& tree) : tree_(tree) {}

  // A new plan with tasks of these ranks: nothing is handed out.
  void Reset(std::set<uint32_t> ranks);
  // InvalidArgument: the plan has no such rank, the request's number does not follow that of the
  // rank's last one, or it tells what cannot be.
  absl::StatusOr<pb::LeaseReply> Take(const pb::LeaseRequest& request);

 private:
  struct Last {
    uint64_t number = 0;
    pb::LeaseReply reply;
  };
  absl::Status Begin(const pb::LeaseRequest& request);
  pb::LeaseReply Next(uint32_t most, uint64_t until);

  const ReductionTree tree_;
  std::set<uint32_t> ranks_;
  bool begun_ = false;
  uint64_t next_ = 0;              // the first minibatch that may be open
  uint64_t touched_ = 0;           // from this step on nobody had anything
  std::set<uint64_t> done_;        // those from `next_` on that were done when the plan began
  std::map<uint32_t, Last> last_;  // by rank
};

}  // namespace paracord
