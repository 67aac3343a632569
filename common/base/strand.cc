#include "common/base/strand.h"

#include <deque>
#include <thread>
#include <utility>

#include "common/base/mutex.h"

namespace paracord {

struct Strand::Queue {
  Mutex mutex;
  CondVar idle;
  std::deque<std::function<void()>> tasks ABSL_GUARDED_BY(mutex);
  bool running ABSL_GUARDED_BY(mutex) = false;
  std::thread::id runner ABSL_GUARDED_BY(mutex);
};

Strand::Strand() : queue_(std::make_shared<Queue>()) {}

Strand::~Strand() {
  MutexLock lock(queue_->mutex);
  if (queue_->running && queue_->runner == std::this_thread::get_id()) return;
  while (queue_->running) queue_->idle.Wait(queue_->mutex);
}

void Strand::Post(std::function<void()> task) {
  const std::shared_ptr<Queue> queue = queue_;
  queue->mutex.Lock();
  queue->tasks.push_back(std::move(task));
  if (queue->running) {
    queue->mutex.Unlock();
    return;
  }
  queue->running = true;
  queue->runner = std::this_thread::get_id();
  while (!queue->tasks.empty()) {
    std::function<void()> next = std::move(queue->tasks.front());
    queue->tasks.pop_front();
    queue->mutex.Unlock();
    next();
    next = nullptr;  // what it held dies before the next one runs
    queue->mutex.Lock();
  }
  queue->running = false;
  queue->idle.NotifyAll();
  queue->mutex.Unlock();
}

}  // namespace paracord
