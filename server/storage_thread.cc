#include "server/storage_thread.h"

#include <utility>

namespace paracord {

StorageThread::StorageThread() : thread_([this] { Run(); }) {}

StorageThread::~StorageThread() { Close(); }

void StorageThread::Close() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void StorageThread::Post(std::function<void()> work) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  changed_.NotifyOne();
}

void StorageThread::Run() {
  mutex_.Lock();
  while (!stopping_ || !queue_.empty()) {
    if (queue_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    mutex_.Unlock();
    work();
    work = nullptr;
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace paracord
