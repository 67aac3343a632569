// What a job computes on: `device` and `gpus_per_worker` of a job file.
#pragma once

#include "common/base/config.h"

namespace paracord {

// kAuto: GPUs where there are enough of one class when the job starts first, else CPUs.
enum class DeviceKind { kAuto, kCpu, kCuda };

const char* Name(DeviceKind kind);  // "auto"

// `device: auto | cpu | cuda`; `gpus_per_worker: 0` turns auto into cpu, 1 is what a task on a GPU
// has. More is refused: a task computes on one.
DeviceKind ParseDevice(const ConfigNode& root);

}  // namespace paracord
