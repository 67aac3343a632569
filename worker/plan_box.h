// The newest plan of a task's job, handed from the follower's thread to the trainer's. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "common/base/mutex.h"
#include "proto/coordinator.pb.h"

namespace paracord {

class PlanBox {
 public:
  // `on_newer` runs after each newer plan has been put in; may be null.
  void SetListener(std::function<void()> on_newer) {
    MutexLock lock(mutex_);
    on_newer_ = std::move(on_newer);
  }

  void Put(const pb::Assignment& assignment) {
    MutexLock lock(mutex_);
    if (newest_ && assignment.plan().number() <= newest_->plan().number()) return;
    newest_ = assignment;
    changed_.NotifyAll();
    if (on_newer_) on_newer_();
  }

  void Stop() {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }

  // Waits for a plan with a number above `number`; nothing: stopped.
  std::optional<pb::Assignment> WaitNewer(uint64_t number) {
    MutexLock lock(mutex_);
    while (!stopped_ && !(newest_ && newest_->plan().number() > number)) changed_.Wait(mutex_);
    if (stopped_) return std::nullopt;
    return newest_;
  }

  bool HasNewer(uint64_t number) {
    MutexLock lock(mutex_);
    return newest_ && newest_->plan().number() > number;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<pb::Assignment> newest_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_newer_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace paracord
