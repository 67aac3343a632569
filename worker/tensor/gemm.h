// The door to oneDNN's matrix product.
//
// A call computes on the calling thread alone, whatever OMP_NUM_THREADS says: more cores run more
// slices side by side, never one slice on more threads. Any thread may call. Bits depend on
// oneDNN's instruction set and version (compute_class.h), on the shape, and on nothing else.
#pragma once

#include <cstdint>

namespace paracord {

// A row-major matrix in memory: element (i, j) is at data[i * stride + j].
struct MatrixView {
  const float* data;
  int64_t stride;
  bool transposed = false;  // the product uses its transpose
};

// Where a product goes: rows `stride` floats apart.
struct ProductPlace {
  float* data;
  int64_t stride;
  bool add = false;  // to what is there
};

// c[m, n] = a[m, k] b[k, n], shapes after transposition; c has stride n and is overwritten. k == 0
// gives zeros.
void Multiply(int64_t m, int64_t n, int64_t k, const MatrixView& a, const MatrixView& b, float* c);
void MultiplyInto(int64_t m, int64_t n, int64_t k, const MatrixView& a, const MatrixView& b,
                  const ProductPlace& c);

}  // namespace paracord
