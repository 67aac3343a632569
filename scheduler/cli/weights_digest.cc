#include "scheduler/cli/weights_digest.h"

#include <array>
#include <bit>

namespace paracord {

static_assert(std::endian::native == std::endian::little,
              "floats are hashed as they lie in memory");

absl::Status WeightsDigest::BeginTensor(const TensorSpec& tensor) {
  hash_.Add(tensor.name.c_str(), tensor.name.size() + 1);
  for (const int64_t extent : tensor.shape) {
    const uint64_t word = static_cast<uint64_t>(extent);
    hash_.Add(&word, sizeof(word));
  }
  return absl::OkStatus();
}

absl::Status WeightsDigest::Add(const Payload& floats) {
  for (const Payload::Run& run : floats.runs()) hash_.Add(run.data, run.size);
  return absl::OkStatus();
}

}  // namespace paracord
