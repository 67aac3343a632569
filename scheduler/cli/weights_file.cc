#include "scheduler/cli/weights_file.h"

#include "absl/strings/match.h"
#include "scheduler/cli/npz.h"
#include "scheduler/cli/safetensors.h"

namespace paracord {

std::unique_ptr<WeightsFile> OpenWeightsFile(const std::string& path, const std::string& format) {
  const bool npz = format.empty() ? absl::EndsWith(path, ".npz") : format == "npz";
  if (npz) return std::make_unique<NpzWriter>(path);
  return std::make_unique<SafetensorsWriter>(path);
}

}  // namespace paracord
