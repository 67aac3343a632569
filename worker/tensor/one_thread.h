// For the doors to oneDNN: a call computes on the calling thread alone, whatever OMP_NUM_THREADS
// says.
#pragma once

// Of the OpenMP runtime that oneDNN itself is linked with (libgomp). Declared here because a
// compiler's own <omp.h> may belong to another runtime, whose thread count oneDNN would not see.
extern "C" {
void omp_set_num_threads(int count);
int omp_get_max_threads(void);
}

namespace paracord {

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

}  // namespace paracord
