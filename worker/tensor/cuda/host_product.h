// Matrix products as plain loops in one order, for tests of what stands on them: a row of c does
// not depend on the rows beside it.
#pragma once

#include <bit>
#include <cstdint>

#include "worker/tensor/cuda/matrix_product.h"

namespace paracord {

class HostProduct final : public MatrixProduct {
 public:
  void Multiply(const Product& p) const override {
    if (p.bfloat16) {
      MultiplyOf<uint16_t>(p);
    } else {
      MultiplyOf<float>(p);
    }
  }

 private:
  // One row of a factor's left, or one column of its right side: every `step`-th value.
  template <class T>
  struct Line {
    const T* data;
    int64_t step;
  };
  template <class T>
  static Line<T> LineOf(const Factor& factor, int64_t batch, int64_t i, bool across) {
    const T* data = reinterpret_cast<const T*>(factor.data) + batch * factor.batch_stride;
    return across ? Line<T>{data + i * factor.stride, 1} : Line<T>{data + i, factor.stride};
  }

  static double Value(float value) { return static_cast<double>(value); }
  static double Value(uint16_t packed) {
    return static_cast<double>(std::bit_cast<float>(uint32_t{packed} << 16));
  }

  template <class T>
  static void MultiplyOf(const Product& p) {
    for (int64_t batch = 0; batch < p.batches; ++batch) {
      for (int64_t i = 0; i < p.m; ++i) {
        const Line<T> a = LineOf<T>(p.a, batch, i, !p.a.transposed);
        float* row = p.c + batch * p.c_batch_stride + i * p.c_stride;
        for (int64_t j = 0; j < p.n; ++j) {
          const Line<T> b = LineOf<T>(p.b, batch, j, p.b.transposed);
          double sum = 0;
          for (int64_t k = 0; k < p.k; ++k) {
            sum += Value(a.data[k * a.step]) * Value(b.data[k * b.step]);
          }
          if (p.bias != nullptr) sum += Value(p.bias[j]);
          row[j] = static_cast<float>(p.add ? sum + Value(row[j]) : sum);
        }
      }
    }
  }
};

}  // namespace paracord
