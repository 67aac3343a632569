#include "common/base/periodic.h"

#include <utility>

namespace paracord {

struct Periodic::State : std::enable_shared_from_this<State> {
  State(Timer& t, Duration i, std::function<void()> a)
      : timer(t), interval(i), action(std::move(a)) {}

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto self = shared_from_this();
    id = timer.RunAfter(interval, [self] { self->Run(); });
  }
  void Run() {
    {
      MutexLock lock(mutex);
      if (closed) return;
      running = true;
    }
    action();
    MutexLock lock(mutex);
    running = false;
    idle.NotifyAll();
    if (!closed) Schedule();
  }

  Timer& timer;
  const Duration interval;
  const std::function<void()> action;
  Mutex mutex;
  CondVar idle;
  bool closed ABSL_GUARDED_BY(mutex) = false;
  bool running ABSL_GUARDED_BY(mutex) = false;
  uint64_t id ABSL_GUARDED_BY(mutex) = 0;
};

Periodic::Periodic(Timer& timer, Duration interval, std::function<void()> action)
    : state_(std::make_shared<State>(timer, interval, std::move(action))) {
  MutexLock lock(state_->mutex);
  state_->Schedule();
}

Periodic::~Periodic() {
  MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->timer.Cancel(state_->id);
  while (state_->running) state_->idle.Wait(state_->mutex);
}

}  // namespace paracord
