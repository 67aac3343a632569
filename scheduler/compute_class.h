// Which hosts can compute the same bits: oneDNN's results differ between instruction sets, cuBLAS's
// between architectures of GPUs, so a job's class is fixed by its first plan and later tasks run
// only where that class can be had, a CPU's capped to it. Pure.
#pragma once

#include <string>

#include "proto/plan.pb.h"

namespace paracord {

// As a class names its device.
inline constexpr const char* kCuda = "cuda";

// Place of an instruction set (as ONEDNN_MAX_CPU_ISA spells it) in the order in which each contains
// the ones before; -1: unknown, contained in nothing but itself.
int IsaRank(const std::string& isa);

// 90 of "sm_90x132"; 0: unknown.
int GpuArchitecture(const std::string& isa);

// Whether a host whose best is `host` can compute exactly as `wanted` says.
bool CanCompute(const pb::ComputeClass& host, const pb::ComputeClass& wanted);

// "cpu AVX2 oneDNN 2.6.3"
std::string ClassString(const pb::ComputeClass& compute);
// The same without the device: "AVX2 oneDNN 2.6.3"
std::string BitsString(const pb::ComputeClass& compute);

}  // namespace paracord
