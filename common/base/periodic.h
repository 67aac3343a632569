// Calls an action again and again, `interval` after the last call returned, on the timer's thread.
// After the destructor the action is not running and will not run; so the destructor must not be
// called from inside it, nor under a lock that the action takes.
#pragma once

#include <functional>
#include <memory>

#include "common/base/timer.h"

namespace paracord {

class Periodic {
 public:
  Periodic(Timer& timer, Duration interval, std::function<void()> action);
  ~Periodic();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace paracord
