// The norm of a step's whole gradient, over all shards of a job, for those that clip by it
// (`clip_norm`). A step's blocks are then updated together, when the norm is known:
//
//   a block's tree is complete   Note: what it adds
//   all of the shard's are       Ask: the job's first shard is told, again until it has answered
//   all of the job's are         Take: the first shard adds them up in the order of blocks, and
//                                answers everybody with the same number
//
// The sum depends on the gradient alone, not on the cut into shards. Whoever was restarted
// meanwhile asks again: the first shard knows the last answer, also after an orderly stop (Told,
// Restore). Belongs to its shard's strand, but for Note.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/shard.h"
#include "proto/plan.pb.h"
#include "server/shard_environment.h"
#include "server/shard_job.h"

namespace paracord {

class GradientNorm {
 public:
  struct Known {
    uint64_t step;
    double squares;
  };

  // `job` outlives it; blocks of `range` are this shard's, the `index`th.
  GradientNorm(const ShardJob& job, BlockRange range, uint32_t index,
               const ShardEnvironment& environment);
  ~GradientNorm();  // who waits is answered with Unavailable

  // Blocks of these count, and are updated when the norm is known.
  bool Counts(uint64_t block) const { return job_.grid.kind(block) == TensorKind::kTrained; }
  const std::vector<uint64_t>& blocks() const { return blocks_; }

  // From now on it is about this step; nothing is noted of it if it was about another one.
  void Begin(uint64_t step);
  uint64_t step() const { return step_; }
  // What a block of the shard, whose tree is complete now, adds. Each once a step; on any thread,
  // the strand waiting.
  void Note(uint64_t block, double squares);
  // All of the shard's blocks are noted, and nobody was asked yet. False, if it has none.
  bool Ready() const { return !asked_ && !blocks_.empty() && noted_ == blocks_.size(); }

  // Asks the plan's first shard, which may be this one; `done` on any thread, or at once.
  void Ask(const pb::Plan& plan, Callback<pb::NormReply> done);
  // There was no answer: it may ask again.
  void NotAnswered() { asked_ = false; }

  // The first shard's. `done` is called now or later: at the latest with this object's end, when
  // the same shard asks again, or by Expire. InvalidArgument: it does not fit the model.
  // OutOfRange: the step is over.
  void Take(const pb::NormRequest& request, Callback<pb::NormReply> done);
  // DeadlineExceeded for those that have waited longer than a client's patience allows: they ask
  // again, if they are still there.
  void Expire();
  // What was told last; nullopt: nothing was.
  const std::optional<Known>& told() const { return told_; }
  void Restore(const Known& told) { told_ = told; }

 private:
  struct Part {
    std::vector<double> squares;
    Callback<pb::NormReply> waiting;
    TimePoint since;
  };

  void Disconnect();
  absl::Status Check(const pb::NormRequest& request) const;
  uint64_t TrainedIn(BlockRange blocks) const;
  void Tell();

  const ShardJob& job_;
  const uint32_t index_;
  const BlockRange range_;
  const ShardEnvironment environment_;
  std::vector<uint64_t> blocks_;  // of the range, that count
  uint64_t step_ = 0;
  std::vector<double> squares_;  // one a block of the range
  std::atomic<size_t> noted_{0};
  bool asked_ = false;

  // The first shard's, of the step that is being collected:
  uint64_t collecting_ = 0;
  std::map<uint64_t, Part> parts_;  // by first block
  std::optional<Known> told_;

  std::string address_;
  std::shared_ptr<Shard> first_;
};

// What a gradient is multiplied by so that its norm is at most `most`; 1 if it is no finite number.
float ClipFactor(double most, double squares);

}  // namespace paracord
