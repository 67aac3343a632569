// The name of a job's weights: sha256 over its dense tensors in name order (bytewise), each as
//
//   name, one zero byte, shape as little-endian u64s, data as little-endian float32
//
// The tensors come from WeightsReader, in that order.
#pragma once

#include <string>

#include "common/base/payload.h"
#include "common/base/sha256.h"
#include "scheduler/cli/weights_reader.h"

namespace paracord {

class WeightsDigest : public WeightsSink {
 public:
  absl::Status BeginTensor(const TensorSpec& tensor) override;
  absl::Status Add(const Payload& floats) override;
  std::string Hex() { return hash_.Hex(); }  // once, after the last tensor

 private:
  Sha256 hash_;
};

}  // namespace paracord
