// Matrix products as plain loops in one order, for tests of what stands on them: a row of c does
// not depend on the rows beside it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "worker/tensor/cuda/matrix_product.h"

namespace paracord {

class HostProduct final : public MatrixProduct {
 public:
  void Multiply(const Product& p) const override {
    for (int64_t batch = 0; batch < p.batches; ++batch) {
      for (int64_t i = 0; i < p.m; ++i) {
        float* row = p.c + batch * p.c_batch_stride + i * p.c_stride;
        for (int64_t j = 0; j < p.n; ++j) row[j] = Element(p, batch, i, j, p.add ? row[j] : 0.0f);
      }
    }
  }

 private:
  static double At(const Factor& factor, bool bfloat16, int64_t batch, int64_t row,
                   int64_t column) {
    const int64_t i = factor.transposed ? column : row, j = factor.transposed ? row : column;
    const int64_t at = batch * factor.batch_stride + i * factor.stride + j;
    if (!bfloat16) return static_cast<double>(factor.data[at]);
    uint16_t packed = 0;
    std::memcpy(&packed, reinterpret_cast<const char*>(factor.data) + at * 2, sizeof(packed));
    return static_cast<double>(std::bit_cast<float>(uint32_t{packed} << 16));
  }
  static float Element(const Product& p, int64_t batch, int64_t i, int64_t j, float before) {
    double sum = 0;
    for (int64_t k = 0; k < p.k; ++k)
      sum += At(p.a, p.bfloat16, batch, i, k) * At(p.b, p.bfloat16, batch, k, j);
    if (p.bias != nullptr) sum += static_cast<double>(p.bias[j]);
    return static_cast<float>(sum + static_cast<double>(before));
  }
};

}  // namespace paracord
