// Calls an action every so often until it is destroyed; no call runs after that. The action runs on
// the timer's thread.
#pragma once

#include <functional>
#include <memory>

#include "common/base/mutex.h"
#include "common/base/timer.h"

namespace paracord {

class Ticker {
 public:
  Ticker(Timer& timer, Duration period, std::function<void()> action);
  ~Ticker();

 private:
  // Shared with the timer's pending action, which may outlive the ticker but then does nothing.
  struct Link {
    Mutex mutex;
    std::function<void()> action ABSL_GUARDED_BY(mutex);
  };
  static void Arm(Timer& timer, Duration period, const std::shared_ptr<Link>& link);

  std::shared_ptr<Link> link_;
};

}  // namespace paracord
