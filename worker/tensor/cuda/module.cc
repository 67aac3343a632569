#include "worker/tensor/cuda/module.h"

#include "common/base/status.h"
#include "worker/tensor/cuda/cuda_device.h"
#include "worker/tensor/cuda/gpu_info.h"

namespace paracord {
namespace {

absl::StatusOr<std::unique_ptr<Device>> OpenGpu(const GpuShare& gpu) {
  RETURN_IF_ERROR(FindGpus().status());
  return CudaDevice::Open(gpu);
}

}  // namespace
}  // namespace paracord

extern "C" __attribute__((visibility("default"))) const char* paracord_cuda_interface() {
  return PARACORD_CUDA_INTERFACE;
}

extern "C" __attribute__((visibility("default"))) const paracord::CudaModule*
paracord_cuda_module() {
  static constexpr paracord::CudaModule kModule = {&paracord::FindGpus, &paracord::OpenGpu};
  return &kModule;
}
