// An order between threads that goes through a library which ThreadSanitizer cannot see into: what
// was written before HandOver(x) may be read after TakeOver(x). Nothing in other builds.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace paracord {

inline void HandOver([[maybe_unused]] const void* what) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(const_cast<void*>(what));
#endif
}

inline void TakeOver([[maybe_unused]] const void* what) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(const_cast<void*>(what));
#endif
}

}  // namespace paracord
