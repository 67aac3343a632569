// Compiled once for each vector width, with CpuOps and this function under names of their own.
#include <memory>

#include "worker/tensor/cpu_ops.h"

namespace paracord {

std::unique_ptr<Ops> MakeOpsOfOneWidth() { return std::make_unique<CpuOps>(); }

}  // namespace paracord
