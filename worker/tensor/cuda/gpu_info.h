// What the driver says about this host's GPUs. [door: CUDA]
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "absl/status/statusor.h"
#include "worker/tensor/compute_class.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

// Those that the module has code for. Never empty; NotFound: what was looked for and found.
absl::StatusOr<std::vector<GpuInfo>> FindGpus();

ComputeClass GpuComputeClass(const cudaDeviceProp& gpu);

}  // namespace paracord
