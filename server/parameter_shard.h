// One shard: a range of a job's blocks, a strand, a store. Counts each push once, applies a step
// when its tree is complete, and answers each pull when its version is there.
//
//   loading -> serving -> stored   the job ended; it is read from disk
//                       | closed   it was cancelled or failed
//                       | stopped  the server stops
//                       | broken   it cannot serve, and says why
//
// A plan of a newer history makes it forget all it has, and load what that history begins with.
//
// Any thread may call; everything happens on the strand. A push takes three steps: check it whole,
// count it, apply what became complete; nothing is changed by a push that is refused.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/crew.h"
#include "common/base/strand.h"
#include "common/base/timer.h"
#include "common/job/tree_sum.h"
#include "common/rpc/shard.h"
#include "proto/plan.pb.h"
#include "server/block_store.h"
#include "server/checkpoints.h"
#include "server/gradient_norm.h"
#include "server/lease_table.h"
#include "server/minibatches.h"
#include "server/restore.h"
#include "server/shard_environment.h"
#include "server/shard_job.h"
#include "server/tally.h"
#include "server/weight_reads.h"

namespace paracord {

class ParameterShard : public Shard, public std::enable_shared_from_this<ParameterShard> {
 public:
  // Reserves the memory at once; a budget that is too small shows in Report.
  static std::shared_ptr<ParameterShard> Create(std::shared_ptr<const ShardJob> job,
                                                const pb::ShardRange& range,
                                                const ShardEnvironment& environment);
  ~ParameterShard() override;

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override;
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override;
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override;
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override;
  void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) override;

  // Takes a newer plan; an older or equal one is ignored. Parked pulls of older plans are
  // cancelled. `save_at`: a checkpoint is wanted at this step, besides the job's own; 0: none is.
  void Adopt(const pb::Plan& plan, uint64_t save_at = 0);
  // Orderly stop: writes what there is as of the lowest version, and serves no more. While blocks
  // of this history are being loaded it waits for them; OK at once if there is nothing to write.
  // `incarnation`: of the server.
  void StopAndStore(uint64_t incarnation, std::function<void(absl::Status)> done);
  // Answers parked pulls and norms that have waited too long with DeadlineExceeded.
  void ExpireWaits();

  pb::ShardReport Report();
  // Pushes that were repeats, since the start. For tests and metrics.
  uint64_t repeats() const { return repeats_.load(std::memory_order_relaxed); }

 private:
  enum class Phase { kLoading, kServing, kStored, kClosed, kStopped, kBroken };

  ParameterShard(std::shared_ptr<const ShardJob> job, const pb::ShardRange& range,
                 const ShardEnvironment& environment);

  // On the strand:
  void TakePlan(const pb::Plan& plan);
  void Forget();
  void Load();
  void Loaded(uint64_t history, const absl::StatusOr<std::optional<Restored>>& restored,
              Unreadable unreadable);
  void LoadLater(const absl::Status& why);
  void Serve(const std::optional<Restored>& restored);
  void Open();
  void StopIfAsked();
  void TakePush(const pb::PushHeader& header, const Payload& floats, Callback<Payload> done);
  void TakePull(const pb::PullHeader& header, Callback<Payload> done);
  absl::StatusOr<pb::QueryReply> TakeQuery(const pb::QueryRequest& request) const;
  void Follow();
  void Learn(uint64_t total_steps, uint64_t samples);
  absl::Status CheckPlan(uint64_t number) const;
  void Count(const pb::PushHeader& header, const Payload& floats);
  bool CountBlock(const pb::PushHeader& header, uint64_t block, Payload floats,
                  const UpdateStep& update);
  void AskNorm();
  void TakeNorm(uint64_t history, uint64_t step, const absl::StatusOr<pb::NormReply>& norm);
  void AskNormLater(const absl::Status& why);
  void ApplyClipped(uint64_t step, double squares);
  const UpdateStep& Update(uint64_t step);
  uint64_t ReachedStep() const;
  // `done`, on the storage thread: whether it was written.
  void Store(uint64_t step, uint64_t stopped, Checkpoints::Done done);
  void StoreCheckpoint(uint64_t step);
  void TakeCopied(uint64_t step, uint64_t history, const absl::Status& copied);
  void ReleaseMemory();
  void StoreIfDue(uint64_t block);
  void Finish(uint64_t step);
  void StoreAndStop(uint64_t incarnation, std::function<void(absl::Status)> done);
  void End(Phase phase);
  void Break(const absl::Status& status);
  void Publish();

  const std::shared_ptr<const ShardJob> job_;
  const uint32_t index_;
  const BlockRange range_;
  const ShardEnvironment environment_;
  const uint64_t budget_bytes_;

  // The strand's:
  Phase phase_ = Phase::kLoading;
  absl::Status broken_;
  Unreadable unreadable_;                   // why it is broken, if that is the reason
  std::function<void(absl::Status)> stop_;  // asked for while loading
  uint64_t stopping_ = 0;                   // by this incarnation
  bool from_elsewhere_ = false;  // what is being loaded may have to come over the network
  uint64_t save_at_ = 0;         // as the plan came with it last
  bool reserved_ = false;
  pb::Plan plan_;
  std::unique_ptr<BlockStore> store_;
  std::vector<TreeSum> sums_;  // one a block
  WeightReads reads_;
  std::unique_ptr<Tally> tally_;
  Checkpoints checkpoints_;
  std::unique_ptr<Minibatches> minibatches_;  // with `store_`
  std::unique_ptr<GradientNorm> norm_;        // the same; null: the job does not clip
  Duration ask_norm_again_;                   // after so long, if it is not answered now
  LeaseTable leases_;
  uint64_t total_steps_ = 0;  // told by the first push, or by what is stored
  std::optional<uint64_t> update_step_;
  UpdateStep update_;
  std::atomic<uint64_t> repeats_{0};

  Mutex report_mutex_;
  pb::ShardReport report_ ABSL_GUARDED_BY(report_mutex_);

  Strand strand_;  // last: it waits for its tasks before the rest goes
};

}  // namespace paracord
