// The operations on a GPU: what cuda_ops.cu compiles.
#pragma once

#include <memory>

#include "worker/tensor/cuda/gpu_queue.h"
#include "worker/tensor/cuda/matrix_product.h"
#include "worker/tensor/ops.h"

namespace paracord {

// Both outlive it.
std::unique_ptr<Ops> MakeCudaOps(GpuQueue& queue, const MatrixProduct& product);

}  // namespace paracord
