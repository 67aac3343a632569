#include "worker/tensor/cuda/gpu_info.h"

#include <cublasLt.h>

#include <cstdlib>
#include <string>

#include "common/base/status.h"
#include "worker/tensor/cuda/gpu_queue.h"

namespace paracord {
namespace {

constexpr int kLeastMajor = 8;  // the module's oldest code is for sm_80

// "13.0" of 13000.
std::string CudaVersion(int number) { return absl::StrCat(number / 1000, ".", number % 1000 / 10); }

std::string CublasVersion() {
  const size_t number = cublasLtGetVersion();
  return absl::StrCat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

std::string Capability(const cudaDeviceProp& gpu) {
  return absl::StrCat("sm_", gpu.major, gpu.minor);
}

absl::Status NoGpu(const std::string& found) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return absl::NotFoundError(
      absl::StrCat("looked for an NVIDIA GPU: found ", found,
                   visible == nullptr ? "" : absl::StrCat(" with CUDA_VISIBLE_DEVICES=", visible),
                   "; expected a driver (libcuda.so.1) for CUDA ", CudaVersion(CUDART_VERSION),
                   " or newer, and a GPU of sm_", kLeastMajor, "0 or newer"));
}

absl::StatusOr<int> CountGpus() {
  int driver = 0, count = 0;
  cudaDriverGetVersion(&driver);
  const cudaError_t counted = cudaGetDeviceCount(&count);
  if (driver == 0) return NoGpu("no driver");
  const std::string found = absl::StrCat("a driver for CUDA ", CudaVersion(driver));
  if (counted == cudaErrorInsufficientDriver) return NoGpu(found);
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && count == 0)) {
    return NoGpu(found + " and no GPU");
  }
  if (counted != cudaSuccess) {
    return NoGpu(absl::StrCat(found, " that answers: ", cudaGetErrorString(counted)));
  }
  return count;
}

}  // namespace

absl::StatusOr<std::vector<GpuInfo>> FindGpus() {
  ASSIGN_OR_RETURN(const int count, CountGpus());
  std::vector<GpuInfo> gpus;
  std::string others;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp gpu;
    RETURN_IF_ERROR(CudaStatus(cudaGetDeviceProperties(&gpu, i), absl::StrCat("GPU ", i)));
    if (gpu.major < kLeastMajor) {
      absl::StrAppend(&others, others.empty() ? "" : ", ", gpu.name, " of ", Capability(gpu));
      continue;
    }
    const ComputeClass compute = GpuComputeClass(gpu);
    gpus.push_back({i, gpu.name, gpu.totalGlobalMem,
                    absl::StrCat(compute.device, " ", compute.isa, " ", compute.library)});
  }
  if (gpus.empty()) return NoGpu(others);
  return gpus;
}

ComputeClass GpuComputeClass(const cudaDeviceProp& gpu) {
  return {"cuda", absl::StrCat(Capability(gpu), "x", gpu.multiProcessorCount),
          absl::StrCat("CUDA ", CudaVersion(CUDART_VERSION), " cuBLAS ", CublasVersion())};
}

}  // namespace paracord
