// What answers for CUDA in a program that was built without it: never a device, always the reason.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "worker/tensor/device.h"

namespace paracord {

namespace {

std::string WhatIsMissing() {
  constexpr char kModule[] = "libparacord_cuda.so";
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path module = program.parent_path() / kModule;
  const bool there = std::filesystem::exists(module, error);
  return absl::StrCat("looked for the module ", module.string(), ", which ",
                      there ? "is there, but this program was built without CUDA and cannot load it"
                            : "does not exist; this program was built without CUDA",
                      " (device: cpu and device: auto work)");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> OpenCudaDevice(const GpuShare&) {
  return absl::InvalidArgumentError(absl::StrCat("device cuda: ", WhatIsMissing()));
}

absl::StatusOr<std::vector<GpuInfo>> ListGpus() { return absl::NotFoundError(WhatIsMissing()); }

}  // namespace paracord
