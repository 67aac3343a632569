// A checkpoint as a self-contained copy on a folder that all servers share: it outlives the
// cluster, and another one, of any number of servers, begins with it.
//
//   FOLDER/JOB/step-000000000100/              CopyFolder of common/job/parse_checkpoint.h
//     model-..., optimizer-..., index            copy_layout.h
//     manifest-00001-of-00003.json               what shard 1 wrote: 32 hexadecimal digits,
//     XXH3-128
//                                                of what follows; a line's end; JSON: of which job
//                                                and step, every range of bytes with its hash, and
//                                                the ledgers of ssp and async
//
// Each shard writes its blocks to their places and then its manifest. The copy exists when all
// manifests do: together they account for every byte of every file. All calls block: for the
// storage thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/parse_checkpoint.h"
#include "server/generation_files.h"
#include "server/restore.h"

namespace paracord {

// Writes the part of `shards[shard]`, which are the generation's blocks. Unavailable: the disk's
// trouble, as it says.
absl::Status WriteCopy(const std::string& folder, const BlockGrid& grid, int states,
                       const std::vector<BlockRange>& shards, size_t shard,
                       const Generation& generation);

// Drops all but the newest copies of a job that are complete, as `spec` says. Nothing else is
// touched.
void RetainCopies(const std::string& copy_to, const std::string& job, const CheckpointSpec& spec);

// Blocks of `range` from a copy, every byte that they come from checked. DataLoss: something is
// missing or has changed; names the file. InvalidArgument: it is of another model, or no copy;
// NotFound: there is no such folder, the message lists the copies beside it.
absl::StatusOr<Restored> ReadCopy(const std::string& folder, BlockRange range,
                                  const BlockGrid& grid);

// Every byte of it. Errors as of ReadCopy.
absl::Status VerifyCopy(const std::string& folder, const BlockGrid& grid);

}  // namespace paracord
