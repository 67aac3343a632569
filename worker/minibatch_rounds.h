// ssp and async, and the way back to bsp: a task computes the minibatches that the job's first
// shard hands to it, one a thread at a time, until none is left.
//
// A round is what one request was answered with: minibatches of one step, computed with the same
// weights. Those of one sum are added along the canonical tree and leave as their mean; the round's
// last sum of a run of blocks fetches these blocks anew. Which minibatches come next is asked when
// the losses of this round are known: late enough that a slow task does not hold more than it can
// do, early enough that nobody waits for the answer.
//
// Driven by the trainer's thread; the crew's threads compute.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/base/crew.h"
#include "common/base/timer.h"
#include "common/job/reduction_tree.h"
#include "worker/lane.h"
#include "worker/work_queue.h"

namespace paracord {

class MinibatchRounds {
 public:
  // What it has of its trainer; all outlive it.
  struct Parts {
    const LanePlan& plan;
    Crew& crew;
    const std::vector<std::unique_ptr<Lane>>& lanes;  // one a thread of the crew
    uint64_t total_steps;
    std::function<bool(uint64_t step)> evaluation_due;
    // The metrics tensor is as of the end of `step`; training has taken `seconds`, without
    // evaluation, since Run began at step `first`.
    std::function<void(uint64_t step, uint64_t first, double seconds)> on_step;
    std::function<void(size_t slices)> on_computed;
  };
  explicit MinibatchRounds(Parts parts);

  // Until no minibatch of a step before `until` is left to hand out. No read inside a round is of a
  // version that is gone: a plan's work is not left and begun again.
  absl::Status Run(const StartingPoint& start, uint64_t until);
  // All minibatches are handed out; the job is done when all of their metrics are there.
  absl::Status AwaitLastMetrics();

 private:
  struct Round;
  void Ask(Round& round);
  absl::Status RunRound(Round& round);
  absl::Status Train(Lane& lane, Round& round, size_t item);
  absl::Status HandOver(Round& round, size_t item, size_t run, const FloatBuffer& gradients);
  void ReportLastStep();
  const float* Metrics() const { return parts_.plan.client.tensor(metrics_tensor_); }

  const Parts parts_;
  const ReductionTree tree_;
  const uint32_t metrics_tensor_;
  const BlockRange metrics_blocks_;
  uint64_t first_ = 0;  // step at which Run began
  double trained_ = 0;  // seconds since then, without evaluation; of rounds that are over
  Clock::time_point round_begun_{};
};

}  // namespace paracord
