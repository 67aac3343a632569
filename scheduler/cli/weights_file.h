// A file that a version of a job's weights is written to, all of it or nothing. Dropped before
// Commit, it leaves nothing behind.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/cli/weights_reader.h"

namespace paracord {

class WeightsFile : public WeightsSink {
 public:
  // Ends the file and gives it its name. Returns the digest of what was written.
  virtual absl::StatusOr<std::string> Commit() = 0;
};

// `format`: "safetensors" or "npz"; empty: by the path's ending, safetensors if that is no other.
std::unique_ptr<WeightsFile> OpenWeightsFile(const std::string& path, const std::string& format);

}  // namespace paracord
