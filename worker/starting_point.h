// What all shards together have when a plan begins: where a task goes on.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/shard.pb.h"

namespace paracord {

struct StartingPoint {
  uint64_t version = 0;        // lowest of all shards
  uint64_t touched = 0;        // minibatches were applied of steps before this one; 0: none ever
  std::vector<uint64_t> done;  // minibatches of steps from `version` on that all shards have
};

// Of one shard's answer to a job of `total_steps` steps of `slices` minibatches. Internal: it says
// what cannot be.
absl::Status CheckReply(const pb::QueryReply& reply, uint32_t slices, uint64_t total_steps);

// `replies`: of all shards, checked.
StartingPoint StartOf(const std::vector<pb::QueryReply>& replies, uint32_t slices);

}  // namespace paracord
