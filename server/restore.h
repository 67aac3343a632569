// What a shard goes on with when its server, or the whole job, begins again: generations from the
// disk, of the plan's own history or of the checkpoint that it began with; of that, too, what other
// servers have, and its copy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "proto/plan.pb.h"
#include "server/block_db.h"
#include "server/remote_generation.h"
#include "server/shard_job.h"

namespace paracord {

struct Restored {
  std::vector<BlockSnapshot> blocks;        // every block of the range, in order
  std::vector<pb::GenerationRecord> parts;  // that they are from
  bool is_first = false;  // weights from a file, for step 0; nothing of the job is stored yet

  uint64_t samples() const;  // of the training data; 0: not known
  uint64_t touched() const;  // as in QueryReply
};

// Why it could not be read, and what: for whoever decides where to go back to instead.
struct Unreadable {
  uint64_t history = 0;
  uint64_t step = 0;
  std::string hash;  // of the one generation that it was; empty: the checkpoint, wherever it lies
};

// There is a generation of the plan's history for just these blocks here. Any thread.
bool HasOwn(const BlockDb& db, const pb::Plan& plan, BlockRange range);

// The furthest generation of the plan's history for just these blocks, which an orderly stop has
// left; else those of the plan's origin; if it has none, the weights of the job's own file
// (first_weights.h); nullopt: there is none, and the history begins with the seed's first values.
// Blocks; for the storage thread if there is nothing to begin with or HasOwn, else for a lane.
// DataLoss: what was promised is not there; `unreadable` says what, if it is of the plan's own job.
// InvalidArgument: it is of a job that is not alike. Unavailable: a server or a folder that has a
// part is away.
absl::StatusOr<std::optional<Restored>> LoadHistory(BlockDb& db, const PeerServers& connect,
                                                    const pb::Plan& plan, BlockRange range,
                                                    const ShardJob& job, Unreadable* unreadable);

}  // namespace paracord
