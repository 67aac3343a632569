// What GPUs this host has, asked by a child: the daemon loads no driver, and one that crashes or
// hangs costs it nothing but the GPUs.
//
//   paracord-worker --list-gpus      one line of JSON on stdout
//
//   {"gpus": [{"index": 0, "name": "NVIDIA H100", "memory_bytes": 85899345920,
//              "compute_class": "cuda sm_90x132 CUDA 13.0 cuBLAS 13.0.2"}]}
//   {"gpus": [], "why": "looked for ..."}
//
// [door: nlohmann-json]
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

// The child: prints the line, exits with 0.
int RunListGpus();

// The line, and what it says again. InvalidArgument: it is no such line.
std::string GpusJson(const absl::StatusOr<std::vector<GpuInfo>>& gpus);
absl::StatusOr<std::vector<GpuInfo>> ParseGpusJson(const std::string& line);

// Runs `program --list-gpus` and waits for at most `patience`. What else it prints is kept in
// `log`, which is written anew. NotFound: why there are none. Internal: it crashed, or was killed
// because it hung. Blocks; the thread lives as long as the process.
absl::StatusOr<std::vector<GpuInfo>> AskForGpus(const std::string& program, const std::string& log,
                                                Duration patience);

}  // namespace paracord
