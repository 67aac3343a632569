// The seam to matrix products: cuBLAS on a GPU, a plain loop on the host.
#pragma once

#include <cstdint>

namespace paracord {

// A row-major matrix in memory: element (i, j) is at data[i * stride + j].
struct Factor {
  const float* data;
  int64_t stride;
  bool transposed = false;   // the product uses its transpose
  int64_t batch_stride = 0;  // floats to the next product's; 0: all use this one
};

// c [m, n] = a [m, k] b [k, n] + bias, shapes after transposition, for each of the batches. k is
// above 0.
struct Product {
  int64_t m, n, k;
  Factor a, b;
  float* c;
  int64_t c_stride;
  int64_t c_batch_stride = 0;
  int64_t batches = 1;
  bool add = false;             // to what is in c
  const float* bias = nullptr;  // [n], added to each row
  bool bfloat16 = false;        // a and b hold values of two bytes, as strides count them
  // What of c has the same bits however many rows, or columns, it is computed with. kColumns: b is
  // not transposed.
  enum class Alone { kNothing, kRows, kColumns } alone = Alone::kNothing;
};

// Threads share it.
class MatrixProduct {
 public:
  virtual ~MatrixProduct() = default;
  virtual void Multiply(const Product& product) const = 0;
};

}  // namespace paracord
