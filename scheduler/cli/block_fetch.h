// Many pulls at once, gathered: one try to get pieces of one version from several servers. Blocks;
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "common/base/timer.h"
#include "common/job/key_range.h"
#include "common/rpc/shard.h"
#include "proto/plan.pb.h"

namespace paracord {

// A run of blocks of one tensor that lie on one shard; at most 4 MiB, the size of a message.
struct WeightsPiece {
  uint32_t tensor = 0;  // index into the grid's tensors
  uint32_t shard = 0;   // index into the plan's shards
  BlockRange blocks;
};

// All pieces of the trained and averaged tensors, tensors in name order (bytewise), blocks in order
// within each.
std::vector<WeightsPiece> PiecesOf(const BlockGrid& grid, const pb::Plan& plan);

using FetchedBlocks = std::map<uint64_t, Payload>;  // by a piece's first block

// Pulls every piece that `got` lacks, all at the same time, and returns when all are answered, one
// is refused as gone (OutOfRange, which wins over other errors), or `until` has come
// (DeadlineExceeded). What has arrived is in `got`. `shard_of(i)` is the i-th shard of `plan`;
// calls still open when this returns are dropped.
absl::Status FetchBlocks(const BlockGrid& grid, const pb::Plan& plan, uint64_t version,
                         const std::vector<WeightsPiece>& pieces,
                         const std::function<Shard&(uint32_t)>& shard_of, TimePoint until,
                         FetchedBlocks* got);

}  // namespace paracord
