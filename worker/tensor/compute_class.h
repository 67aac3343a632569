// What the bits of a pass depend on beside the model and the data. A job records it at its first
// start, and all its tasks match it or are capped to it (ONEDNN_MAX_CPU_ISA in their environment):
// oneDNN's products differ between AVX-512, AVX2 and AVX, and between versions.
#pragma once

#include <string>

namespace paracord {

struct ComputeClass {
  std::string device;   // "cpu", "cuda"
  std::string isa;      // "AVX512_CORE", as ONEDNN_MAX_CPU_ISA spells it; of a GPU "sm_90x132"
  std::string library;  // "oneDNN 2.6.3", "CUDA 13.0 cuBLAS 13.0.2"
  bool operator==(const ComputeClass&) const = default;
};

// Of this process: oneDNN reads its environment once, at the first call of anything in it.
ComputeClass CpuComputeClass();

}  // namespace paracord
