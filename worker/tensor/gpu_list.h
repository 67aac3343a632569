// The GPUs of this host: what a worker daemon offers as slots and `paracord nodes` shows, and which
// one a task computes on. The list is that of the CUDA module (cuda_loader.cc); this header needs
// no CUDA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

struct GpuInfo {
  int index;                  // as the driver counts them, CUDA_VISIBLE_DEVICES applied
  std::string name;           // "NVIDIA H100 80GB HBM3"
  uint64_t memory_bytes;      // of the whole card, whoever uses it
  std::string compute_class;  // "cuda sm_90x132 CUDA 13.0 cuBLAS 13.0.2", see compute_class.h
};

// Never empty. NotFound: no module, no library that it needs, no driver, no GPU: says which, and
// where it was looked for.
absl::StatusOr<std::vector<GpuInfo>> ListGpus();

// What of a GPU a task may use. Several tasks may share one: each has its part of the memory.
struct GpuShare {
  int index = 0;
  double memory_fraction = 0.9;  // of memory_bytes, taken when the device is opened; (0, 1]
};

}  // namespace paracord
