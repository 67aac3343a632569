// Threads that help those who have too much to do. Item i of a run goes to whichever thread is
// free; results must not depend on which.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace paracord {

class Crew {
 public:
  using Work = std::function<absl::Status(int thread, uint32_t item)>;

  // `threads` in all; one that calls Run is one of them.
  explicit Crew(int threads);
  ~Crew();  // what was posted has run

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }
  // Runs `work` for items [0, items); returns when all have ended, with the first error. After an
  // error no new items begin. `thread` is in [0, threads()), the caller's 0, each for one item at a
  // time. Any thread may call, several at once; helpers that are busy elsewhere are not waited
  // for.
  absl::Status Run(uint32_t items, const Work& work);
  // Runs `task` on a helper, soon; here and now if there is none.
  void Post(std::function<void(int thread)> task);

 private:
  struct Round;
  void Help(int thread);

  Mutex mutex_;
  CondVar posted_;
  std::deque<std::function<void(int thread)>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> helpers_;
};

}  // namespace paracord
