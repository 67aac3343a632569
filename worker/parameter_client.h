// A task's view of the weights: cuts tensors by the plan into messages to shards, and is the only
// place that sends again.
//
// Push hands over the partial sums of some blocks, and its answers carry the version that they
// make; they land in the weights as they come. So communication runs while the earlier layers are
// still computing their gradients.
//
// A call that a shard refuses because the plan is old, or because the version is gone, spoils the
// client until the next Adopt: what would wait then returns that status. Unavailable and
// DeadlineExceeded are ridden out here for ever; CurrentWait says for whom.
//
// One thread drives it (the trainer's, or its passes for Await and Push); answers come on others.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/gate.h"
#include "common/base/mutex.h"
#include "common/base/payload.h"
#include "common/base/timer.h"
#include "common/job/key_range.h"
#include "common/job/tree_sum.h"
#include "common/rpc/shard.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"
#include "worker/work_queue.h"

namespace paracord {

class ParameterClient {
 public:
  using Connect = std::function<std::shared_ptr<Shard>(const pb::ShardRange&)>;

  // `grid` and `timer` outlive it. `connect` gives the shard behind a range; asked once for each
  // address and incarnation.
  ParameterClient(const BlockGrid& grid, Timer& timer, Connect connect);
  ~ParameterClient();  // what is under way ends without effect

  // From now on under `plan`, as `rank`. Forgets what is under way for older plans; returns when
  // none of it can touch the weights.
  void Adopt(const pb::Plan& plan, uint32_t rank);
  // Spoils the client with FailedPrecondition: a newer plan is there.
  void Interrupt();
  // Whoever waits gets Cancelled, now and later: the task is to stop. What it has pushed may or
  // may not count; whoever computes that step again makes the same bits.
  void Stop();

  // Of the job's training data; goes with pushes, for audits.
  void SetSamples(uint64_t samples) { samples_ = samples; }

  // Where to begin: bsp at the lowest version of all shards. Blocks; asks again as long as one does
  // not answer. `slices`: of a step; `total_steps`: of the job. Internal: a shard says what cannot
  // be.
  absl::StatusOr<StartingPoint> FindStart(uint32_t slices, uint64_t total_steps);
  // Lets `pause` pass, with `why` on record as what is waited for until FindStart has its answer.
  // FailedPrecondition or Cancelled, at once: Interrupt or Stop.
  absl::Status Pause(Duration pause, const std::string& why);
  // Fetches every block, or some, at `version`.
  void Fetch(uint64_t version) { Fetch({0, grid_.blocks()}, version); }
  void Fetch(BlockRange blocks, uint64_t version);
  // Sends the sums of step `step` for `blocks` and fetches their next version.
  void Push(uint64_t step, uint64_t total_steps, BlockRange blocks,
            const std::vector<TreeSum::Partial>& sums);

  // ssp, async. Fetches the newest weights for minibatches of `step`; for those of step
  // `total_steps`, which evaluate the job's result, these are the last.
  void FetchNewest(uint64_t step, uint64_t total_steps);
  // Sends the mean gradient of the minibatches of `sum.node` for `blocks`; with `next_step`,
  // fetches what they are then, for minibatches of that step.
  void PushMinibatches(uint64_t step, uint64_t total_steps, BlockRange blocks,
                       const TreeSum::Partial& sum, std::optional<uint64_t> next_step);
  // What this task is to compute. Spoilt and stopped with the client.
  WorkQueue& work() { return work_; }

  // Returns when `blocks` have the version last asked for.
  absl::Status Await(BlockRange blocks);
  absl::Status AwaitAll();

  // The tensor's floats, as last fetched: valid after Await until its next Push.
  const float* tensor(uint32_t index) const {
    return weights_.data() + grid_.FloatsOf(grid_.BlocksOf(index)).begin;
  }

  // What the driving thread waits for now, if it does.
  std::optional<pb::Wait> CurrentWait();

 private:
  struct Message;  // one push, or pull, or both, until it has been answered for good

  absl::StatusOr<StartingPoint> AskAll(uint32_t slices, uint64_t total_steps);
  absl::StatusOr<pb::QueryReply> AskOne(const pb::ShardRange& range);
  void Start(const std::shared_ptr<Message>& message);
  void Answered(const std::shared_ptr<Message>& message, const absl::StatusOr<Payload>& reply);
  void Land(const Message& message, const Payload& floats);
  void Again(const std::shared_ptr<Message>& message, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Message> NewMessage(const pb::ShardRange& range, BlockRange blocks,
                                      uint64_t version);
  // A push's header, as bsp has it.
  pb::PushHeader NewPush(const Message& message, uint64_t step, uint64_t total_steps,
                         const TreeNode& node);
  void StartAll(const std::vector<std::shared_ptr<Message>>& messages);
  void Spoil(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Shard> ShardOf(const pb::ShardRange& range);
  // Runs `visit` for each shard's part of `blocks`, cut into messages of about the same size.
  void ForEachPart(BlockRange blocks,
                   const std::function<void(const pb::ShardRange&, BlockRange)>& visit);

  const BlockGrid& grid_;
  Timer& timer_;
  WorkQueue work_;
  const Connect connect_;
  std::vector<float> weights_;  // one tensor after the other

  Mutex mutex_;
  CondVar changed_;
  pb::Plan plan_;  // written by Adopt alone, when nothing is under way
  uint32_t rank_ = 0;
  uint64_t samples_ = 0;
  std::map<std::string, std::shared_ptr<Shard>> shards_;  // by address and incarnation
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) =
      0;  // raised by Adopt: answers of older ones are dropped
  absl::Status spoiled_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int landing_ ABSL_GUARDED_BY(mutex_) = 0;  // answers being copied into the weights
  // Of each block: asked for and not there?
  std::vector<bool> missing_ ABSL_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Message>> open_ ABSL_GUARDED_BY(mutex_);
  std::optional<pb::Wait> wait_ ABSL_GUARDED_BY(mutex_);  // of Pause and FindStart
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;               // threads in Await
  int64_t waiting_since_ ABSL_GUARDED_BY(mutex_) = 0;     // unix ms; of the first of them

  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace paracord
