// When a shard's blocks are stored while it trains, and the reports of how that went: every so many
// steps, at steps that are evaluated if the best of them is wanted, and when told. What is stored
// is references, taken in one turn of the strand; the storage thread writes them, and then a lane
// of the job's own its copy.
//
// In bsp the turn in which the last block comes to step C is the one in which all of them are at C:
// the first push of step C comes from a task that had them all. One checkpoint is written at a
// time: if one is due before the last is on the disk, and its copy on the shared folder, it is left
// out, and from then on every second one, so that all shards of a job come to write the same steps,
// until the disk keeps up again. Steps that may be the best wait in line instead, as long as there
// is memory for what they hold on to: the best is the same whatever the disk does. A copy that
// takes too long is a folder that hangs: it is reported, and the checkpoints after it are written
// without one until it is done. The memory that it holds on to is reserved for that. Belongs to its
// shard's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/coordinator.pb.h"
#include "server/block_store.h"
#include "server/generation_files.h"
#include "server/gradient_norm.h"
#include "server/minibatches.h"
#include "server/shard_environment.h"
#include "server/shard_job.h"
#include "server/tally.h"

namespace paracord {

class Checkpoints {
 public:
  Checkpoints(const ShardJob& job, BlockRange range, const ShardEnvironment& environment);
  ~Checkpoints();

  // The shard's blocks have come to `step`; what is due is due after it. `samples`: of the training
  // data; 0: not known yet, then nothing that goes by epochs is due.
  void Begin(uint64_t step, uint64_t samples);
  // One more than the job asks for; 0: none. A step that lies behind is missed.
  void SaveAt(uint64_t step, uint64_t reached);
  // Cheap: false if nothing is due while some block is still at `version`.
  bool MayBeDue(uint64_t version) const { return version >= next_; }
  // All blocks have come to `reached`, a step of the job: the step to be stored now, if any, by
  // Write in the same turn.
  std::optional<uint64_t> TakeDue(uint64_t reached, uint64_t total_steps);
  // What each Write's first callback was told.
  void Written(const absl::Status& status);
  // What its second one was told, for a step of the history that is in force, or of an older one.
  void Copied(uint64_t step, const absl::Status& status, bool in_force);
  // Some copy still holds on to what it was made of.
  bool copying() const { return copy_.open > 0; }
  // The job goes back to an older step: what was ordered, missed and copied is of no use any more.
  void Forget();

  // What `store` has, as of `step`.
  struct Contents {
    const pb::Plan& plan;
    uint64_t step;
    uint64_t stopped;  // incarnation of a server that stops; 0: it does not
    const BlockStore& store;
    const Tally& tally;
    const Minibatches* minibatches;
    const GradientNorm* norm;  // or null
  };
  // On the storage thread, which then calls `written`; and then, unless it stops, the copy that the
  // job asks for, on the lane of the job's copies, which calls `copied`. Cancelled: there is none,
  // as the checkpoint was not written, or nobody needs it any more.
  using Done = std::function<void(const absl::Status&)>;
  void Write(const Contents& contents, Done written, Done copied);

  void Report(pb::ShardReport* report) const;

 private:
  // Which part of a copy this shard writes; no shards: there is none to write.
  struct Copy {
    std::vector<BlockRange> shards;
    size_t shard = 0;
  };
  // Those of some kind that have not ended.
  struct Open {
    void Begin(uint64_t of, TimePoint now);
    bool Overdue(TimePoint now) const;

    int open = 0;
    uint64_t step = 0;  // the first of them
    TimePoint since;
  };
  static BlockSnapshot Part(const Contents& contents, uint64_t block);
  pb::GenerationRecord Record(const Contents& contents) const;
  absl::StatusOr<StoredGeneration> WriteOnce(Generation* generation) const;
  Copy NewCopy(const Contents& contents) const;
  absl::Status WriteCopy(const Copy& copy, const Generation& generation) const;
  void PostCopy(const Copy& copy, std::shared_ptr<Generation> generation, Done done) const;
  uint64_t Every() const;           // steps; 0: there are no regular ones
  uint64_t EveryEvaluated() const;  // the same, of those that may become the best
  void Aim(uint64_t after);
  bool MayBegin(uint64_t step);
  bool Reserve();
  void ReleaseIfIdle();
  void LeaveOut(uint64_t step);
  std::string Trouble() const;

  const ShardJob& job_;
  const BlockRange range_;
  const ShardEnvironment& environment_;
  uint64_t samples_ = 0;
  uint64_t thinned_ = 1;        // only every so manieth regular one is written
  uint64_t next_ = UINT64_MAX;  // the first step that is due
  int in_time_ = 0;             // one after another, since one was left out or `thinned_` was less
  bool late_ = false;           // one was left out since the last one began
  uint64_t save_at_ = 0, missed_ = 0;
  std::deque<uint64_t> copied_;
  Open write_, copy_;
  uint64_t reserved_ = 0;     // for what those hold on to that do not wait for the one before
  bool beside_copy_ = false;  // an overdue copy's is among that
  std::string error_, copy_error_;
};

}  // namespace paracord
