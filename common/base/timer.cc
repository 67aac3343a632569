#include "common/base/timer.h"

namespace paracord {

int64_t UnixMilliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

SystemTimer::SystemTimer() : thread_([this] { Run(); }) {}

SystemTimer::~SystemTimer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

uint64_t SystemTimer::RunAfter(Duration delay, std::function<void()> action) {
  MutexLock lock(mutex_);
  const uint64_t id = next_id_++;
  const TimePoint due = Now() + delay;
  actions_.emplace(Key(due, id), std::move(action));
  due_.emplace(id, due);
  changed_.NotifyAll();
  return id;
}

bool SystemTimer::Cancel(uint64_t id) {
  std::function<void()> dropped;  // destroyed outside the lock
  MutexLock lock(mutex_);
  const auto due = due_.find(id);
  if (due == due_.end()) return false;
  const auto action = actions_.find(Key(due->second, id));
  dropped = std::move(action->second);
  actions_.erase(action);
  due_.erase(due);
  return true;
}

void SystemTimer::Run() {
  mutex_.Lock();
  while (!stopping_) {
    if (actions_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const auto first = actions_.begin();
    if (first->first.first > Now()) {
      changed_.WaitUntil(mutex_, first->first.first);
      continue;
    }
    std::function<void()> action = std::move(first->second);
    due_.erase(first->first.second);
    actions_.erase(first);
    mutex_.Unlock();
    action();
    action = nullptr;
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace paracord
