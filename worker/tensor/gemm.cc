#include "worker/tensor/gemm.h"

#include <algorithm>

#include "common/base/status.h"
#include "oneapi/dnnl/dnnl.h"

// Of the OpenMP runtime that oneDNN itself is linked with (libgomp). Declared here because a
// compiler's own <omp.h> may belong to another runtime, whose thread count oneDNN would not see.
extern "C" {
void omp_set_num_threads(int count);
int omp_get_max_threads(void);
}

namespace paracord {
namespace {

// The calling thread's share of OpenMP is one thread while this lives; afterwards what it was.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

void Multiply(int64_t m, int64_t n, int64_t k, const MatrixView& a, const MatrixView& b, float* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    std::fill_n(c, m * n, 0.0f);
    return;
  }
  const OneThread one_thread;
  const dnnl_status_t status = dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n,
                                          k, 1.0f, a.data, a.stride, b.data, b.stride, 0.0f, c, n);
  PARACORD_CHECK(status == dnnl_success);
}

}  // namespace paracord
