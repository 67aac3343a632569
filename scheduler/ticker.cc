#include "scheduler/ticker.h"

#include <utility>

namespace paracord {

Ticker::Ticker(Timer& timer, Duration period, std::function<void()> action)
    : link_(std::make_shared<Link>()) {
  {
    MutexLock lock(link_->mutex);
    link_->action = std::move(action);
  }
  Arm(timer, period, link_);
}

Ticker::~Ticker() {
  MutexLock lock(link_->mutex);
  link_->action = nullptr;
}

void Ticker::Arm(Timer& timer, Duration period, const std::shared_ptr<Link>& link) {
  timer.RunAfter(period, [&timer, period, link] {
    MutexLock lock(link->mutex);
    if (!link->action) return;
    link->action();
    Arm(timer, period, link);
  });
}

}  // namespace paracord
