// When a shard's blocks are stored while it trains, and the reports of how that went: every so many
// steps, at steps that are evaluated if the best of them is wanted, and when told. What is
// stored is references, taken in one turn of the strand; the storage thread writes them.
//
// In bsp the turn in which the last block comes to step C is the one in which all of them are at C:
// the first push of step C comes from a task that had them all. One generation is written at a
// time: if one is due before the last is on the disk, it is left out, and from then on every second
// one, so that all shards of a job come to write the same steps, until the disk keeps up again.
// Belongs to its shard's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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

  // The shard's blocks have come to `step`; what is due is due after it. `samples`: of the training
  // data; 0: not known yet, then nothing that goes by epochs is due.
  void Begin(uint64_t step, uint64_t samples);
  // One more than the job asks for; 0: none. A step that lies behind is missed.
  void SaveAt(uint64_t step, uint64_t reached);
  // Cheap: false if nothing is due while some block is still at `version`.
  bool MayBeDue(uint64_t version) const { return version >= next_; }
  // All blocks have come to `reached`, a step of the job: the step to be stored now, if any. Until
  // Written comes, nothing else is due.
  std::optional<uint64_t> TakeDue(uint64_t reached, uint64_t total_steps);
  void Written(const absl::Status& status);
  // The shard's part of the copy of this step is complete.
  void Copied(uint64_t step);
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
  // On the storage thread, and then the copy that the job asks for on that of copies, so that a
  // folder that hangs holds up this job's checkpoints alone. There `done`: how either was written.
  void Write(const Contents& contents,
             std::function<void(const absl::Status& written, const absl::Status& copied)> done);

  void Report(pb::ShardReport* report) const;

 private:
  // Which part of a copy this shard writes; no shards: there is none to write.
  struct Copy {
    std::vector<BlockRange> shards;
    size_t shard = 0;
  };
  static BlockSnapshot Part(const Contents& contents, uint64_t block);
  absl::StatusOr<StoredGeneration> WriteOnce(Generation* generation) const;
  Copy NewCopy(const Contents& contents) const;
  absl::Status WriteCopy(const Copy& copy, const Generation& generation) const;
  uint64_t Every() const;           // steps; 0: there are no regular ones
  uint64_t EveryEvaluated() const;  // the same, of those that may become the best
  void Aim(uint64_t after);

  const ShardJob& job_;
  const BlockRange range_;
  const ShardEnvironment& environment_;
  uint64_t samples_ = 0;
  uint64_t thinned_ = 1;        // only every so manieth regular one is written
  uint64_t next_ = UINT64_MAX;  // the first step that is due
  int in_time_ = 0;             // written since one was left out, or since `thinned_` was less
  uint64_t save_at_ = 0, missed_ = 0;
  std::deque<uint64_t> copied_;
  bool writing_ = false;
  std::string error_;
};

}  // namespace paracord
