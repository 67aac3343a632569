// Writes weights in the safetensors format, which other frameworks load without running any code:
//
//   u64 little-endian: length of the header
//   header: JSON, padded with spaces to 8 bytes
//   data, one tensor after another
//
// The header maps each tensor's name to {dtype: "F32", shape, data_offsets: [begin, end)}, offsets
// counted from the end of the header, and "__metadata__" to {format: "pt", job, step, digest}.
// Source: https://github.com/huggingface/safetensors, "Format".
#pragma once

#include <string>

#include "common/base/whole_file.h"
#include "scheduler/cli/weights_digest.h"
#include "scheduler/cli/weights_file.h"

namespace paracord {

// Length word and padded header. `tensors` in the order in which their data follow.
std::string SafetensorsHeader(const WeightsVersion& version, const std::string& digest);

class SafetensorsWriter : public WeightsFile {
 public:
  explicit SafetensorsWriter(const std::string& path) : file_(path) {}

  absl::Status Begin(const WeightsVersion& version) override;
  absl::Status BeginTensor(const TensorSpec& tensor) override;
  absl::Status Add(const Payload& floats) override;
  absl::StatusOr<std::string> Commit() override;

 private:
  WholeFile file_;
  WeightsVersion version_;
  WeightsDigest digest_;
};

}  // namespace paracord
