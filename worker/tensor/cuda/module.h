// What libparacord_cuda.so exports: the door between the programs, which know nothing of CUDA, and
// what is linked with it. Both sides are C++ of one build; the first symbol is asked alone, so that
// a module of another build is refused before anything of it is called.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/tensor/device.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

inline constexpr char kCudaModule[] = "libparacord_cuda.so";

// extern "C": a hash of the compiler and of the headers that both sides include.
using CudaInterface = const char* (*)();
inline constexpr char kCudaInterface[] = "paracord_cuda_interface";

// extern "C": what the module does, for the life of the process. See gpu_list.h and device.h for
// what they return.
struct CudaModule {
  absl::StatusOr<std::vector<GpuInfo>> (*list)();
  absl::StatusOr<std::unique_ptr<Device>> (*open)(const GpuShare& gpu);
};
using CudaEntry = const CudaModule* (*)();
inline constexpr char kCudaEntry[] = "paracord_cuda_module";

}  // namespace paracord
