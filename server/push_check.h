// A push is checked whole before anything of it counts.
#pragma once

#include "absl/status/status.h"
#include "proto/shard.pb.h"
#include "server/block_store.h"
#include "server/shard_job.h"

namespace paracord {

// InvalidArgument: [begin, end) is empty or not within `range`.
absl::Status CheckBlocks(BlockRange range, uint64_t begin, uint64_t end);

// InvalidArgument, with what was found and expected: not blocks of the store, not their size, no
// node of the tree, no step of the job or not one that its blocks can be at, a sum of minibatches
// of which a block has some. `total_steps`: the job's, 0 if nobody has said yet; `bytes`: of the
// floats.
absl::Status CheckPush(const ShardJob& job, const BlockStore& store, uint64_t total_steps,
                       const pb::PushHeader& header, size_t bytes);

}  // namespace paracord
