// Asks a job's first shard for minibatches, one request at a time, ahead of need: the next ones are
// known before the last ones' gradients leave. Sends a request again as long as nobody answers; a
// shard gives the same answer to the same request.
//
// One thread asks; any may wait; answers come on others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/gate.h"
#include "common/base/mutex.h"
#include "common/base/timer.h"
#include "common/job/reduction_tree.h"
#include "common/rpc/shard.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"
#include "worker/starting_point.h"

namespace paracord {

// Minibatches that this task has to compute, all of one step; each sum of them is pushed as one.
// None: nothing is left.
struct Work {
  uint64_t step = 0;
  std::vector<TreeNode> sums;  // disjoint, from left to right
};

class WorkQueue {
 public:
  explicit WorkQueue(Timer& timer) : timer_(timer) {}
  ~WorkQueue() { gate_->Close(); }

  // From now on for `rank` under `plan`, from `shard`, its first.
  void Adopt(const pb::Plan& plan, uint32_t rank, const std::shared_ptr<Shard>& shard);
  // For minibatches of steps before `until`; `most`: that can be computed side by side. `slices`:
  // of a step.
  void Ask(const StartingPoint& start, uint32_t most, uint64_t until, uint32_t slices);
  // The answer to the last Ask, as often as it is called; or why there is none.
  absl::StatusOr<Work> Await();
  // Whoever waits gets this, until the next Adopt.
  void Spoil(const absl::Status& status);
  // What somebody waits for in Await.
  std::optional<pb::Wait> CurrentWait();

 private:
  void Send();
  void Answered(const pb::LeaseRequest& request, const absl::StatusOr<pb::LeaseReply>& reply);
  bool Current(const pb::LeaseRequest& request) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Timer& timer_;
  Mutex mutex_;
  CondVar changed_;
  std::weak_ptr<Shard> shard_ ABSL_GUARDED_BY(mutex_);
  std::string server_ ABSL_GUARDED_BY(mutex_);        // for people
  pb::LeaseRequest request_ ABSL_GUARDED_BY(mutex_);  // the last one
  uint32_t slices_ ABSL_GUARDED_BY(mutex_) = 0;
  Duration pause_ ABSL_GUARDED_BY(mutex_) = Duration::zero();
  std::optional<absl::StatusOr<Work>> answer_ ABSL_GUARDED_BY(mutex_);
  absl::Status spoiled_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_since_ ABSL_GUARDED_BY(mutex_) = 0;  // unix ms; 0: nobody waits
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace paracord
