// Jobs that need GPUs: whether there are any, and what is missing, in words. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "scheduler/job_needs.h"
#include "scheduler/membership.h"
#include "scheduler/resources.h"

namespace paracord {

// InvalidArgument: the job asks for CUDA, workers have joined, and none of them has a GPU; says of
// each what it has looked for and found. One that is lost may come back and counts.
absl::Status CheckGpusExist(const JobNeeds& needs, const Membership& members);

// "2 GPUs of one class needed, 1 free (worker-0 GPU 1: 1 of 1 busy with a-1; 2 nodes have none)"
std::string GpusMissing(uint32_t needed, uint32_t free, const Resources& resources);

// Of the class that a job's plan has fixed: "2 GPUs of class sm_90 CUDA 13.0 needed, 0 free
// (worker-1 has sm_80 CUDA 13.0; 2 nodes have none)".
std::string GpusMissing(uint32_t needed, uint32_t free, const pb::ComputeClass& wanted,
                        const Resources& resources);
// For one task: "1 GPU of class sm_90 CUDA 13.0 (2 nodes have none)".
std::string GpuMissing(const pb::ComputeClass& wanted, const Resources& resources);

}  // namespace paracord
