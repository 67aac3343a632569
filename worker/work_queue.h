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
#include "common/rpc/shard.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace paracord {

// What all shards together have when a plan begins.
struct StartingPoint {
  uint64_t version = 0;        // lowest of all shards
  uint64_t touched = 0;        // minibatches were applied of steps before this one; 0: none ever
  std::vector<uint64_t> done;  // minibatches of steps from `version` on that all shards have
};

// Minibatches that this task has to compute: slices of one step. None: nothing is left.
struct Work {
  uint64_t step = 0;
  std::vector<uint32_t> slices;
};

class WorkQueue {
 public:
  explicit WorkQueue(Timer& timer) : timer_(timer) {}
  ~WorkQueue() { gate_->Close(); }

  // From now on for `rank` under `plan`, from `shard`, its first.
  void Adopt(const pb::Plan& plan, uint32_t rank, const std::shared_ptr<Shard>& shard);
  // At most `most` minibatches of steps before `until`.
  void Ask(const StartingPoint& start, uint32_t most, uint64_t until);
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
  Duration pause_ ABSL_GUARDED_BY(mutex_) = Duration::zero();
  std::optional<absl::StatusOr<Work>> answer_ ABSL_GUARDED_BY(mutex_);
  absl::Status spoiled_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_since_ ABSL_GUARDED_BY(mutex_) = 0;  // unix ms; 0: nobody waits
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace paracord
