// The hard limit of a server's memory for weights, shared by its jobs. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/mutex.h"
#include "common/base/status.h"

namespace paracord {

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t bytes) : total_(bytes) {}

  // ResourceExhausted names the sum, what is in use and the budget.
  absl::Status Reserve(uint64_t bytes, const std::string& who) {
    MutexLock lock(mutex_);
    if (bytes > total_ - used_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          who, " needs ", bytes, " bytes (3 versions of its weights and the optimizer's state); ",
          used_, " of ", total_, " bytes are in use"));
    }
    used_ += bytes;
    return absl::OkStatus();
  }
  void Release(uint64_t bytes) {
    MutexLock lock(mutex_);
    used_ -= bytes;
  }
  uint64_t used() {
    MutexLock lock(mutex_);
    return used_;
  }
  uint64_t total() const { return total_; }

 private:
  const uint64_t total_;
  Mutex mutex_;
  uint64_t used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
