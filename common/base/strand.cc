#include "common/base/strand.h"

#include <utility>

namespace paracord {

Strand::~Strand() {
  MutexLock lock(mutex_);
  while (running_) idle_.Wait(mutex_);
}

void Strand::Post(std::function<void()> task) {
  mutex_.Lock();
  tasks_.push_back(std::move(task));
  if (running_) {
    mutex_.Unlock();
    return;
  }
  running_ = true;
  while (!tasks_.empty()) {
    std::function<void()> next = std::move(tasks_.front());
    tasks_.pop_front();
    mutex_.Unlock();
    next();
    next = nullptr;  // what it held dies before the next one runs
    mutex_.Lock();
  }
  running_ = false;
  idle_.NotifyAll();
  mutex_.Unlock();
}

}  // namespace paracord
