#include "worker/tensor/device.h"

#include "worker/tensor/cpu_device.h"

namespace paracord {

absl::StatusOr<std::unique_ptr<Device>> OpenDevice(DeviceKind kind, const GpuShare& gpu) {
  if (kind == DeviceKind::kCuda) return OpenCudaDevice(gpu);
  if (kind == DeviceKind::kAuto) {
    absl::StatusOr<std::unique_ptr<Device>> cuda = OpenCudaDevice(gpu);
    if (cuda.ok()) return cuda;
  }
  return std::make_unique<CpuDevice>();
}

}  // namespace paracord
