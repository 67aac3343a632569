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

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/cli/weights_digest.h"
#include "scheduler/cli/weights_reader.h"

namespace paracord {

// Length word and padded header. `tensors` in the order in which their data follow.
std::string SafetensorsHeader(const WeightsVersion& version, const std::string& digest);

// Writes to PATH.PID.new; Commit gives the file its name, so that a reader sees all of it or
// nothing. Dropped before Commit, it leaves nothing behind.
class SafetensorsWriter : public WeightsSink {
 public:
  explicit SafetensorsWriter(std::string path);
  ~SafetensorsWriter() override;

  absl::Status Begin(const WeightsVersion& version) override;
  absl::Status BeginTensor(const TensorSpec& tensor) override;
  absl::Status Add(const Payload& floats) override;
  // Fills in the digest of what was written, syncs and renames. Returns the digest.
  absl::StatusOr<std::string> Commit();

 private:
  absl::Status Checked() const;

  const std::string path_;
  const std::string temporary_;
  std::ofstream file_;
  WeightsVersion version_;
  WeightsDigest digest_;
};

}  // namespace paracord
