// The operations of a GPU, run on the host: the same bodies of kernels, launched by HostLauncher.
#pragma once

#include <memory>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/ops.h"

namespace paracord {

// `order`: of blocks and of the threads of a block.
std::unique_ptr<Ops> MakeHostOps(HostOrder order);

}  // namespace paracord
