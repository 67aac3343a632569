// Threads for what waits for other hosts: their folders, which may hang, and other servers. The
// work of one lane runs in the order posted; no lane waits for another. A lane has a thread while
// it has work.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/base/timer.h"

namespace paracord {

class Lanes {
 public:
  Lanes() : state_(std::make_shared<State>()) {}
  ~Lanes();  // closes them, and waits for what runs

  // After Close nothing is run any more.
  void Post(const std::string& lane, std::function<void()> work);
  // True: everything that was posted has run. False: it had not after `patience`.
  bool Settle(Duration patience);
  // Settles them. What has not begun by then is dropped; false: something still runs, and what it
  // uses has to stay.
  bool Close(Duration patience);

 private:
  struct State {
    bool Settle(TimePoint until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

    Mutex mutex;
    CondVar changed;
    // What waits for its turn; there, if perhaps empty, as long as the lane has a thread.
    std::map<std::string, std::deque<std::function<void()>>> queues ABSL_GUARDED_BY(mutex);
    bool closed ABSL_GUARDED_BY(mutex) = false;
  };
  static void Run(const std::shared_ptr<State>& state, const std::string& lane);

  const std::shared_ptr<State> state_;  // the threads' too
};

}  // namespace paracord
