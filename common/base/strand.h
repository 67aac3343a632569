// Runs tasks one at a time, in the order in which they were posted. State that belongs to a strand
// needs no mutex.
//
// A strand has no thread of its own: the thread that posts to an idle strand runs the task, and
// then what others have posted meanwhile. So a message is handled on the thread that received it,
// without a hop. Two rules follow: tasks never block, and a task that posts to its own strand runs
// that after itself, not inside itself.
#pragma once

#include <functional>
#include <memory>

namespace paracord {

class Strand {
 public:
  Strand();
  // Waits until every posted task has run; nobody may post any more. A task may hold the last
  // reference to what owns its strand: from inside a task it does not wait.
  ~Strand();
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  void Post(std::function<void()> task);

 private:
  struct Queue;
  const std::shared_ptr<Queue> queue_;  // Post outlives a strand that dies in one of its tasks
};

}  // namespace paracord
