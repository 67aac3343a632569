// Runs tasks one at a time, in the order in which they were posted. State that belongs to a strand
// needs no mutex.
//
// A strand has no thread of its own: the thread that posts to an idle strand runs the task, and
// then what others have posted meanwhile. So a message is handled on the thread that received it,
// without a hop. Two rules follow: tasks never block, and a task that posts to its own strand runs
// that after itself, not inside itself.
#pragma once

#include <deque>
#include <functional>

#include "common/base/mutex.h"

namespace paracord {

class Strand {
 public:
  Strand() = default;
  ~Strand();  // every posted task has run; nobody may post any more
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  void Post(std::function<void()> task);

 private:
  Mutex mutex_;
  CondVar idle_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace paracord
