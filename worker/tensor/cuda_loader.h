// Finds and loads the module for GPUs, libparacord_cuda.so. A program is not linked with CUDA:
// where there is no module, no library or no GPU, it does everything else, and says what is
// missing.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/tensor/cuda/module.h"

namespace paracord {

// Beside the program that runs.
std::string CudaModulePath();

// Stays loaded. NotFound: there is none, it does not load or is of another build; says what was
// found and what was expected.
absl::StatusOr<const CudaModule*> LoadCudaModule(const std::string& path);

}  // namespace paracord
