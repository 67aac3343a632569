// Lets callbacks into an object until it goes: they come from timers and foreign threads, and may
// come late.
//
//   auto gate = gate_;  // a shared_ptr<Gate>, captured by the callback
//   if (Gate::Pass pass(*gate); pass) { ...use the object... }
//
// Close waits for those who are inside; after it nobody gets in. Not from inside, nor under a lock
// that an insider takes.
#pragma once

#include "common/base/mutex.h"

namespace paracord {

class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(gate), inside_(gate.Enter()) {}
    ~Pass() {
      if (inside_) gate_.Leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    explicit operator bool() const { return inside_; }

   private:
    Gate& gate_;
    const bool inside_;
  };

  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) left_.Wait(mutex_);
  }

 private:
  bool Enter() {
    MutexLock lock(mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }
  void Leave() {
    MutexLock lock(mutex_);
    --inside_;
    left_.NotifyAll();
  }

  Mutex mutex_;
  CondVar left_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
