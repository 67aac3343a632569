#include "tests/support/host_ops.h"

#include "worker/tensor/cuda/block_ops.h"
#include "worker/tensor/cuda/host_launcher.h"

namespace paracord {

std::unique_ptr<Ops> MakeHostOps(HostOrder order) {
  return std::make_unique<BlockOps<HostLauncher>>(HostLauncher(order));
}

}  // namespace paracord
