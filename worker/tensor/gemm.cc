#include "worker/tensor/gemm.h"

#include <algorithm>

#include "common/base/status.h"
#include "oneapi/dnnl/dnnl.h"
#include "worker/tensor/one_thread.h"

namespace paracord {

void MultiplyInto(int64_t m, int64_t n, int64_t k, const MatrixView& a, const MatrixView& b,
                  const ProductPlace& c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < m && !c.add; ++i) std::fill_n(c.data + i * c.stride, n, 0.0f);
    return;
  }
  const OneThread one_thread;
  const dnnl_status_t status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.data,
                 a.stride, b.data, b.stride, c.add ? 1.0f : 0.0f, c.data, c.stride);
  PARACORD_CHECK(status == dnnl_success);
}

void Multiply(int64_t m, int64_t n, int64_t k, const MatrixView& a, const MatrixView& b, float* c) {
  MultiplyInto(m, n, k, a, b, {c, n});
}

}  // namespace paracord
