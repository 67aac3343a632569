// A checkpoint as a self-contained copy on a folder that all servers share: it outlives the
// cluster, and another one, of any number of servers, begins with it.
//
//   FOLDER/JOB/step-000000000100/        CopyFolder of common/job/parse_checkpoint.h
//     cluster-ID                         empty: whose it is, also before anything else is there
//     model-..., optimizer-..., index    copy_layout.h
//     manifest-00001-of-00003.json       copy_manifest.h: what shard 1 wrote
//
// Each shard writes its blocks to their places and then its manifest. The copy exists when all
// manifests do: together they account for every byte of every file. It goes, complete or not, when
// the scheduler tells a server that nobody needs the checkpoint any more; each one that wrote to it
// drops it. All calls block, and are for a lane: the folder may be
// of a host that hangs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/state_settings.h"
#include "server/generation_files.h"
#include "server/restore.h"

namespace paracord {

// Of the lane that writes and drops a job's copies.
inline std::string CopyLane(const std::string& job) { return "copies of " + job; }

// Writes the part of `shards[shard]`, which are the generation's blocks of a job with `settings`.
// Unavailable: the disk's
// trouble, as it says; or a copy of another cluster's job is there. Cancelled: it was dropped
// meanwhile.
absl::Status WriteCopy(const std::string& folder, const BlockGrid& grid, int states,
                       const std::vector<BlockRange>& shards, size_t shard,
                       const Generation& generation,
                       const std::vector<StateSetting>& settings = {});

// Drops the copy of the checkpoint that `record` is a part of, if it is its cluster's.
// FOLDER.dropped is what a server left that died meanwhile; the next drop of that copy takes it
// away.
void DropCopy(const pb::GenerationRecord& record);

// Without the floats: are its manifests and its files' headers good, and of this model?
absl::Status CheckCopy(const std::string& folder, const BlockGrid& grid);

// Blocks of `range` from a copy, every byte that they come from checked. DataLoss: something is
// missing or has changed; names the file. InvalidArgument: it is of another model, or no copy;
// NotFound: there is no such folder, the message lists the copies beside it.
absl::StatusOr<Restored> ReadCopy(const std::string& folder, BlockRange range,
                                  const BlockGrid& grid);

}  // namespace paracord
