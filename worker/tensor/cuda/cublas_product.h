// Matrix products by cuBLASLt, on the compute stream. The same product has the same bits on one
// kind of GPU: an algorithm is chosen by the shape and the alignment alone, sums that are cut into
// parts are added from a workspace of fixed size, nothing is added atomically, float32 is never cut
// to TF32. Where the rows or columns of c are to be alone, the algorithm is chosen for a fixed
// number of them and does not cut the sum over k; only where it cannot do the number at hand, as
// cuBLAS may say, is one chosen for that. [door: CUDA]
#pragma once

#include <cublasLt.h>

#include <array>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "worker/tensor/cuda/gpu_queue.h"
#include "worker/tensor/cuda/matrix_product.h"

namespace paracord {

// What an algorithm is chosen by.
using ProductShape = std::array<int64_t, 11>;

class CublasProduct final : public MatrixProduct {
 public:
  // ResourceExhausted: the queue's arena has no room for the workspace.
  static absl::StatusOr<std::unique_ptr<CublasProduct>> Open(GpuQueue& queue);
  ~CublasProduct() override;

  // Errors go to the queue.
  void Multiply(const Product& product) const override;

 private:
  explicit CublasProduct(GpuQueue& queue) : queue_(queue) {}
  absl::Status Run(const Product& product) const;
  absl::StatusOr<cublasLtMatmulAlgo_t> AlgorithmFor(const Product& product) const;
  absl::StatusOr<cublasLtMatmulAlgo_t> Choose(const Product& product) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<cublasLtMatmulAlgo_t> Ask(const Product& product) const;
  bool Can(const cublasLtMatmulAlgo_t& algorithm, const Product& product) const;

  GpuQueue& queue_;
  cublasLtHandle_t handle_ = nullptr;
  uint64_t workspace_ = 0;
  mutable Mutex mutex_;
  mutable std::map<ProductShape, cublasLtMatmulAlgo_t> algorithms_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paracord
