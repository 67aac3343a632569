// A task's compute threads. Item i of a run goes to whichever thread is free; results must not
// depend on which.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace paracord {

class Crew {
 public:
  using Work = std::function<absl::Status(int thread, uint32_t item)>;

  // `threads` in all; the one that calls Run is one of them.
  explicit Crew(int threads);
  ~Crew();

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }
  // Runs `work` for items [0, items); returns when all have ended, with the first error. After an
  // error no new items begin.
  absl::Status Run(uint32_t items, const Work& work);

 private:
  void Help(int thread);
  void TakeItems(int thread, uint32_t items, const Work& work);

  Mutex mutex_;
  CondVar changed_;
  const Work* work_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint32_t items_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t run_ ABSL_GUARDED_BY(mutex_) = 0;
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint32_t> next_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace paracord
