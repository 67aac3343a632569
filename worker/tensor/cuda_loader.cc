#include "worker/tensor/cuda_loader.h"

#include <dlfcn.h>

#include <filesystem>
#include <utility>

#include "common/base/status.h"

namespace paracord {
namespace {

// Of the last call into the dynamic linker.
std::string LinkerError() {
  const char* text = dlerror();
  return text == nullptr ? "no reason given" : text;
}

}  // namespace

std::string CudaModulePath() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path() / kCudaModule).string();
}

absl::StatusOr<const CudaModule*> LoadCudaModule(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat("looked for the module ", path,
                                            ", which does not exist; a build on a host with nvcc "
                                            "13 makes it"));
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::NotFoundError(absl::StrCat("looked for the module ", path,
                                            ", which does not load: ", LinkerError(),
                                            "; expected it beside CUDA 13's libraries"));
  }
  const auto interface = reinterpret_cast<CudaInterface>(dlsym(library, kCudaInterface));
  const auto entry = reinterpret_cast<CudaEntry>(dlsym(library, kCudaEntry));
  const std::string found = interface == nullptr ? "none" : interface();
  if (found != PARACORD_CUDA_INTERFACE || entry == nullptr) {
    dlclose(library);
    return absl::NotFoundError(
        absl::StrCat("looked for the module ", path, ": found interface ", found,
                     "; expected " PARACORD_CUDA_INTERFACE ", that of this program's build"));
  }
  return entry();
}

absl::StatusOr<std::vector<GpuInfo>> ListGpus() {
  ASSIGN_OR_RETURN(const CudaModule* module, LoadCudaModule(CudaModulePath()));
  return module->list();
}

absl::StatusOr<std::unique_ptr<Device>> OpenCudaDevice(const GpuShare& gpu) {
  constexpr char kElse[] = " (device: cpu and device: auto work)";
  absl::StatusOr<const CudaModule*> module = LoadCudaModule(CudaModulePath());
  absl::Status failed = module.status();
  if (module.ok()) {
    absl::StatusOr<std::unique_ptr<Device>> device = (*module)->open(gpu);
    if (device.ok() || !absl::IsNotFound(device.status())) return device;
    failed = device.status();
  }
  return absl::InvalidArgumentError(absl::StrCat("device cuda: ", failed.message(), kElse));
}

}  // namespace paracord
