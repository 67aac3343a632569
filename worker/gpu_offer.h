// Which of its host's GPUs a worker daemon offers to jobs, and to how many tasks at a time:
// `gpus` and `gpu_memory_fraction` of its configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "proto/coordinator.pb.h"
#include "worker/tensor/gpu_list.h"

namespace paracord {

struct GpuChoice {
  bool all = true;           // of those that are there, none of which may be
  std::vector<int> indices;  // without `all`: these, and no fewer; empty: none
};

// `gpus: auto | none | [0, 1]`. What it prints is what it reads.
GpuChoice ParseGpus(const ConfigNode& root);
std::string PrintGpus(const GpuChoice& choice);

// How many tasks of that part of its memory a GPU has room for.
uint32_t TasksPerGpu(double memory_fraction);

// The GPUs of this host. An error says what was looked for, and found.
using GpuFinder = std::function<absl::StatusOr<std::vector<GpuInfo>>()>;

// Fills in `gpus`, or why there are none in `no_gpus`. InvalidArgument: one that was asked for is
// not there; the message says which are. A search that failed (Internal) is logged, and means none.
// `find` is not called when none is wanted.
absl::Status OfferGpus(const GpuChoice& choice, double memory_fraction, const GpuFinder& find,
                       pb::JoinRequest* join);

}  // namespace paracord
