// Time as an object, so that tests turn the clock by hand: everything that waits or measures leases
// takes a Timer&. SystemTimer runs callbacks on one thread of its own: they post to a strand and
// return.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "common/base/mutex.h"

namespace paracord {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::nanoseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The wall clock, as records and people have it. Nothing is measured with it.
int64_t UnixMilliseconds();

class Timer {
 public:
  virtual ~Timer() = default;
  virtual TimePoint Now() = 0;
  // Calls `action` once, `delay` from now, on the timer's thread. Returns an id for Cancel, never
  // 0.
  virtual uint64_t RunAfter(Duration delay, std::function<void()> action) = 0;
  // True: the action will not run. False: it has run, is running, or never was.
  virtual bool Cancel(uint64_t id) = 0;
};

class SystemTimer : public Timer {
 public:
  SystemTimer();
  ~SystemTimer() override;  // drops what has not run; waits for what is running
  TimePoint Now() override { return Clock::now(); }
  uint64_t RunAfter(Duration delay, std::function<void()> action) override;
  bool Cancel(uint64_t id) override;

 private:
  using Key = std::pair<TimePoint, uint64_t>;
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::map<Key, std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, TimePoint> due_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace paracord
