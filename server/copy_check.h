// Does a checkpoint suit the job that is to begin with it? Asked by each shard that loads one; of a
// copy, which is there to be read, also without a cluster (`paracord-server --check-init`). All
// calls block.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/job/job_spec.h"
#include "proto/storage.pb.h"

namespace paracord {

// InvalidArgument: each setting of the job that is not as the parts' records have it.
absl::Status CheckSettings(const std::vector<pb::GenerationRecord>& parts, const JobSpec& spec);

// Also of the copy in `folder`: its model, all tensors that differ; its step, which the job must
// reach. All but its floats is read. Otherwise as ReadCopy.
absl::Status CheckCopySuits(const std::string& folder, const JobSpec& spec);

// `paracord-server --check-init DIRECTORY`, with a job file on its input, whose paths are relative
// to DIRECTORY. Exit: 0 its `init.checkpoint` suits it, or it has none; 2 it does not: why on
// stderr, as "line 7: init.checkpoint: ...".
int RunInitCheck(int argc, char** argv);

}  // namespace paracord
