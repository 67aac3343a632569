#include "worker/tensor/cuda/cuda_ops.h"

#include "worker/tensor/cuda/block_ops.h"
#include "worker/tensor/cuda/device_launcher.h"

namespace paracord {

std::unique_ptr<Ops> MakeCudaOps(GpuQueue& queue, const MatrixProduct& product) {
  return std::make_unique<BlockOps<DeviceLauncher>>(DeviceLauncher(queue, product));
}

}  // namespace paracord
