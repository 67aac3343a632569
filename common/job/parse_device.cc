#include "common/job/parse_device.h"

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr int64_t kMostGpus = 1024;  // from here on it is a mistake, not a wish

DeviceKind ParseKind(const ConfigNode& root) {
  const ConfigNode node = root.Child("device");
  if (node.text() == "gpu") {  // nearer to cpu, by its letters
    node.Error("found 'gpu'; expected one of auto, cpu, cuda; did you mean 'cuda'?");
    return DeviceKind::kAuto;
  }
  constexpr DeviceKind kDevices[] = {DeviceKind::kAuto, DeviceKind::kCpu, DeviceKind::kCuda};
  return kDevices[root.Choice("device", 0, {"auto", "cpu", "cuda"})];
}

}  // namespace

const char* Name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kCuda:
      return "cuda";
    case DeviceKind::kAuto:
      break;
  }
  return "auto";
}

DeviceKind ParseDevice(const ConfigNode& root) {
  const DeviceKind kind = ParseKind(root);
  const int64_t gpus = root.Integer("gpus_per_worker", 1, {0, kMostGpus});
  const ConfigNode node = root.Child("gpus_per_worker");
  if (!root.Has("gpus_per_worker") || node.faulty()) return kind;
  if (gpus > 1) {
    node.Error(absl::StrCat("found '", gpus, "'; expected 0 or 1: a task on several GPUs is not ",
                            "available in this version; with more `workers` a job takes more"));
  } else if (kind == DeviceKind::kCuda && gpus == 0) {
    node.Error("found '0' with device cuda; expected 1, or device: cpu");
  } else if (kind == DeviceKind::kCpu && gpus == 1) {
    node.Error("found '1' with device cpu; expected 0, or device: cuda or auto");
  }
  return gpus == 0 ? DeviceKind::kCpu : kind;
}

}  // namespace paracord
