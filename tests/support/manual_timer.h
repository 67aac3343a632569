// A Timer whose clock stands still until Advance turns it: tests of leases, retries and deadlines
// take no real time. Actions run on the thread that calls Advance, in the order in which they are
// due (equal times: in the order in which they were asked for), and see Now() as their own due
// time. Any thread; an action must not call Advance.
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/timer.h"

namespace paracord {

class ManualTimer : public Timer {
 public:
  TimePoint Now() override {
    MutexLock lock(mutex_);
    return now_;
  }

  uint64_t RunAfter(Duration delay, std::function<void()> action) override {
    MutexLock lock(mutex_);
    const uint64_t id = next_id_++;
    actions_.emplace(Key(now_ + std::max(delay, Duration::zero()), id), std::move(action));
    return id;
  }

  bool Cancel(uint64_t id) override {
    std::function<void()> dropped;  // destroyed outside the lock
    MutexLock lock(mutex_);
    const auto at = std::find_if(actions_.begin(), actions_.end(),
                                 [id](const auto& entry) { return entry.first.second == id; });
    if (at == actions_.end()) return false;
    dropped = std::move(at->second);
    actions_.erase(at);
    return true;
  }

  // Turns the clock on by `duration` and runs all that falls due, also what those actions ask for
  // in turn.
  void Advance(Duration duration) {
    MutexLock one_at_a_time(advance_mutex_);
    const TimePoint until = Now() + duration;
    while (std::function<void()> action = TakeDue(until)) action();
    MutexLock lock(mutex_);
    now_ = until;
  }

  // Actions that have neither run nor been cancelled.
  size_t pending() {
    MutexLock lock(mutex_);
    return actions_.size();
  }

 private:
  using Key = std::pair<TimePoint, uint64_t>;

  // The first action due at or before `until`, the clock set to its time; none: empty.
  std::function<void()> TakeDue(TimePoint until) {
    MutexLock lock(mutex_);
    const auto first = actions_.begin();
    if (first == actions_.end() || first->first.first > until) return nullptr;
    now_ = first->first.first;
    std::function<void()> action = std::move(first->second);
    actions_.erase(first);
    return action;
  }

  Mutex advance_mutex_;
  Mutex mutex_;
  TimePoint now_ ABSL_GUARDED_BY(mutex_) = TimePoint() + std::chrono::hours(1);
  std::map<Key, std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace paracord
