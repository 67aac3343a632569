#include "worker/tensor/arena.h"

#include <algorithm>
#include <iterator>

#include "common/base/status.h"

namespace paracord {

Arena::Arena(uint64_t begin, uint64_t bytes) : bytes_(bytes / kAlignment * kAlignment) {
  PARACORD_CHECK(begin % kAlignment == 0);
  MutexLock lock(mutex_);
  if (bytes_ > 0) gaps_[begin] = bytes_;
}

absl::StatusOr<uint64_t> Arena::Take(uint64_t bytes) {
  MutexLock lock(mutex_);
  auto best = gaps_.end();
  uint64_t largest = 0;
  const bool fits = bytes <= bytes_;  // so that rounding up does not wrap around
  const uint64_t size = std::max<uint64_t>(1, (bytes + kAlignment - 1) / kAlignment) * kAlignment;
  for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
    largest = std::max(largest, gap->second);
    if (fits && gap->second >= size && (best == gaps_.end() || gap->second < best->second)) {
      best = gap;
    }
  }
  if (best == gaps_.end()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("found ", bytes_ - used_, " bytes free of the ", bytes_, " of this task, ",
                     largest, " of them together; expected ", bytes));
  }
  const auto [address, room] = *best;
  gaps_.erase(best);
  if (room > size) gaps_[address + size] = room - size;
  taken_[address] = size;
  used_ += size;
  most_used_ = std::max(most_used_, used_);
  return address;
}

void Arena::GiveBack(uint64_t address) {
  MutexLock lock(mutex_);
  const auto taken = taken_.find(address);
  PARACORD_CHECK(taken != taken_.end());
  used_ -= taken->second;
  auto gap = gaps_.emplace(*taken).first;
  taken_.erase(taken);
  const auto after = std::next(gap);
  if (after != gaps_.end() && gap->first + gap->second == after->first) {
    gap->second += after->second;
    gaps_.erase(after);
  }
  if (gap == gaps_.begin()) return;
  const auto before = std::prev(gap);
  if (before->first + before->second == gap->first) {
    before->second += gap->second;
    gaps_.erase(gap);
  }
}

uint64_t Arena::used() const {
  MutexLock lock(mutex_);
  return used_;
}

uint64_t Arena::most_used() const {
  MutexLock lock(mutex_);
  return most_used_;
}

}  // namespace paracord
