// Lets no push of a step from a limit on pass, so that a job is still there when a test has
// something to say to it, however slow the host is. For MiniOptions::on_push.
#pragma once

#include <atomic>
#include <cstdint>

#include "tests/support/mini_cluster.h"

namespace paracord {

class StepGate {
 public:
  explicit StepGate(uint64_t limit) : limit_(limit) {}

  // On a task's thread. Gives up after a minute, so that its process can end.
  void Pass(uint64_t step) {
    uint64_t seen = reached_;
    while (seen < step && !reached_.compare_exchange_weak(seen, step)) {
    }
    MiniCluster::Eventually([&] { return step < limit_; });
  }
  uint64_t reached() const { return reached_; }
  // False: nobody has come to the limit within a minute.
  bool AwaitArrival() {
    return MiniCluster::Eventually([&] { return reached_ >= limit_; });
  }
  void Open(uint64_t limit) { limit_ = limit; }

 private:
  std::atomic<uint64_t> reached_{0}, limit_;
};

}  // namespace paracord
