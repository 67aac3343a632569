// What a job begins with whose file says `init: {safetensors: FILE}`: step 0, with the file's
// values in place of the seed's, and the optimizer's state as new. Blocks; for a lane: the file may
// be of a host that hangs.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "server/restore.h"
#include "server/shard_job.h"

namespace paracord {

// The blocks of weights in `range`. InvalidArgument: the file is not one of this model's weights,
// all that differs at once, or has a value that is not finite. NotFound: this host cannot open it.
absl::StatusOr<Restored> ReadFirstWeights(const ShardJob& job, BlockRange range);

}  // namespace paracord
