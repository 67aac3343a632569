// Hands out a job's minibatches, each once under one plan, the oldest first. What a task did not
// finish comes back with the next plan, which finds it missing in some shard's ledger. Of the job's
// first shard; belongs to its strand.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "absl/status/statusor.h"
#include "proto/shard.pb.h"

namespace paracord {

class LeaseTable {
 public:
  // `slices`: of a step, the job's virtual workers.
  explicit LeaseTable(uint32_t slices) : slices_(slices) {}

  // A new plan: nothing is handed out.
  void Reset();
  // InvalidArgument: the request's number does not follow that of the rank's last one.
  absl::StatusOr<pb::LeaseReply> Take(const pb::LeaseRequest& request);

 private:
  struct Last {
    uint64_t number = 0;
    pb::LeaseReply reply;
  };
  pb::LeaseReply Next(uint64_t most, uint64_t until);

  const uint32_t slices_;
  bool begun_ = false;
  uint64_t next_ = 0;              // the first minibatch that may be open
  std::set<uint64_t> done_;        // those from `next_` on that were done when the plan began
  std::map<uint32_t, Last> last_;  // by rank
};

}  // namespace paracord
