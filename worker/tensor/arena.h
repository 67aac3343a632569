// Cuts one piece of a device's memory, taken when the device is opened, into blocks. So the sum
// that a job may use is fixed at its start, two jobs can share a card, and taking a block costs no
// call of the driver. Works on addresses alone and never looks at what lies there.
//
// Any thread may call.
#pragma once

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace paracord {

class Arena {
 public:
  static constexpr uint64_t kAlignment = 256;

  // [begin, begin + bytes); begin is aligned.
  Arena(uint64_t begin, uint64_t bytes);

  // The address of a block of at least so many bytes (0: of one unit), aligned. The smallest gap
  // that it fits into, the first of equal ones. ResourceExhausted: says what is free and what was
  // asked.
  absl::StatusOr<uint64_t> Take(uint64_t bytes);
  // What Take returned, once.
  void GiveBack(uint64_t address);

  uint64_t bytes() const { return bytes_; }
  uint64_t used() const;
  uint64_t most_used() const;  // at any time so far

 private:
  const uint64_t bytes_;
  mutable Mutex mutex_;
  std::map<uint64_t, uint64_t> gaps_ ABSL_GUARDED_BY(mutex_);   // address, bytes; none touch
  std::map<uint64_t, uint64_t> taken_ ABSL_GUARDED_BY(mutex_);  // address, bytes
  uint64_t used_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t most_used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
