#include "server/checkpoints.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "common/job/optimizer.h"
#include "common/job/parse_optimizer.h"
#include "server/checkpoint_copy.h"

namespace paracord {
namespace {

constexpr size_t kCopiesTold = 8;
constexpr int kInTime = 8;  // as many one after another, and the disk is tried with twice as many
constexpr uint64_t kReservedShare = 4;        // of the server's memory, for one job's checkpoints
constexpr Duration kPatience = seconds(120);  // a disk or a folder that takes longer hangs

}  // namespace

Checkpoints::Checkpoints(const ShardJob& job, BlockRange range, const ShardEnvironment& environment)
    : job_(job), range_(range), environment_(environment) {}

Checkpoints::~Checkpoints() { environment_.budget.Release(reserved_); }

void Checkpoints::Open::Begin(uint64_t of, TimePoint now) {
  if (open++ > 0) return;
  step = of;
  since = now;
}

bool Checkpoints::Open::Overdue(TimePoint now) const { return open > 0 && now - since > kPatience; }

uint64_t Checkpoints::Every() const {
  const CheckpointSpec& spec = job_.spec.checkpoint;
  const uint64_t batch = std::max(1u, job_.spec.batch_size);
  const uint64_t epochs = spec.every_steps > 0 ? 0 : spec.every_epochs;
  return (spec.every_steps + epochs * ((samples_ + batch - 1) / batch)) * thinned_;
}

uint64_t Checkpoints::EveryEvaluated() const {
  if (!job_.spec.checkpoint.best.has_value()) return 0;
  return job_.spec.EvaluationSteps(samples_);
}

void Checkpoints::Aim(uint64_t after) {
  next_ = UINT64_MAX;
  for (const uint64_t every : {Every(), EveryEvaluated()}) {
    if (every > 0) next_ = std::min(next_, (after / every + 1) * every);
  }
  if (save_at_ > after) next_ = std::min(next_, save_at_);
}

void Checkpoints::Begin(uint64_t step, uint64_t samples) {
  samples_ = samples;
  Aim(step);
}

void Checkpoints::SaveAt(uint64_t step, uint64_t reached) {
  if (step == save_at_ || (step > 0 && step == missed_)) return;
  if (step > 0 && step <= reached) {
    missed_ = step;
    return;
  }
  save_at_ = step;
  Aim(reached);
}

std::optional<uint64_t> Checkpoints::TakeDue(uint64_t reached, uint64_t total_steps) {
  if (reached < next_) return std::nullopt;
  const uint64_t step = next_;
  const bool wanted = step < total_steps;  // the job's end stores its last
  const bool begins = wanted && MayBegin(step);
  if (wanted && !begins) LeaveOut(step);
  Aim(reached);
  return begins ? std::optional(step) : std::nullopt;
}

// The next one may be written. Whether the one before was in time is known now.
bool Checkpoints::MayBegin(uint64_t step) {
  const uint64_t evaluated = EveryEvaluated();
  const bool may_be_best = evaluated > 0 && step % evaluated == 0;
  if (may_be_best && (write_.open > 0 || (copy_.open > 0 && !beside_copy_))) return Reserve();
  if (write_.open > 0) return false;
  if (copy_.open > 0 && !beside_copy_) {
    if (!copy_.Overdue(environment_.timer.Now()) || !Reserve()) return false;
    beside_copy_ = true;
  }
  if (!late_ && error_.empty() && thinned_ > 1 && ++in_time_ >= kInTime) {
    thinned_ /= 2;
    in_time_ = 0;
  }
  late_ = false;
  return true;
}

// Memory for what one more holds on to, until none is on its way. A disk that hangs leaves other
// jobs room.
bool Checkpoints::Reserve() {
  const auto states = static_cast<uint64_t>(StateFloats(job_.spec.optimizer.kind));
  const uint64_t bytes = job_.grid.Floats(range_) * sizeof(float) * (1 + states);
  const uint64_t most = environment_.budget.total() / kReservedShare;
  const absl::Status room =
      reserved_ + bytes > most ? absl::ResourceExhaustedError(absl::StrCat(
                                     reserved_, " bytes wait for the disk, of ", most, " that may"))
                               : environment_.budget.Reserve(bytes, "one more checkpoint");
  if (room.ok()) {
    reserved_ += bytes;
  } else {
    LogWarning("job ", job_.id, ": no checkpoint beside the one before: ", room.message());
  }
  return room.ok();
}

void Checkpoints::ReleaseIfIdle() {
  if (write_.open > 0 || copy_.open > 0) return;
  environment_.budget.Release(std::exchange(reserved_, 0));
  beside_copy_ = false;
}

void Checkpoints::LeaveOut(uint64_t step) {
  LogWarning("job ", job_.id, ": step ", step, " is not stored: the checkpoint before it is still ",
             "on its way to the disk");
  if (step == save_at_) {
    missed_ = step;
    return;
  }
  if (!late_) thinned_ *= 2;  // once, however long that one takes
  late_ = true;
  in_time_ = 0;
}

void Checkpoints::Forget() {
  save_at_ = missed_ = 0;
  thinned_ = 1;
  in_time_ = 0;
  late_ = false;
  copied_.clear();
}

void Checkpoints::Written(const absl::Status& status) {
  --write_.open;
  ReleaseIfIdle();
  error_ = status.ok() ? "" : std::string(status.message());
  if (!status.ok()) LogError("job ", job_.id, ": no checkpoint: ", Describe(status));
}

void Checkpoints::Copied(uint64_t step, const absl::Status& status, bool in_force) {
  --copy_.open;
  ReleaseIfIdle();
  if (absl::IsCancelled(status)) return;
  copy_error_ = status.ok() ? "" : absl::StrCat("its copy: ", std::string(status.message()));
  if (!status.ok()) LogError("job ", job_.id, ": no copy of step ", step, ": ", Describe(status));
  if (!status.ok() || !in_force) return;
  copied_.push_back(step);
  if (copied_.size() > kCopiesTold) copied_.pop_front();
}

pb::GenerationRecord Checkpoints::Record(const Contents& contents) const {
  const BlockStore& store = contents.store;
  pb::GenerationRecord record;
  SetHistory(contents.plan, &record);
  record.set_step(contents.step);
  record.set_block_begin(range_.begin);
  record.set_block_end(range_.end);
  record.set_bytes(job_.grid.Floats(range_) * sizeof(float));
  record.set_touched(contents.minibatches == nullptr ? 0 : contents.minibatches->touched());
  record.set_samples(contents.tally.samples());
  record.set_stopped(contents.stopped);
  if (contents.stopped > 0 && contents.norm != nullptr && contents.norm->told().has_value()) {
    record.set_norm_step(contents.norm->told()->step);
    record.set_norm_squares(contents.norm->told()->squares);
  }
  record.set_optimizer(Name(job_.spec.optimizer.kind));
  record.set_virtual_workers(job_.spec.virtual_workers);
  *record.mutable_epochs() = contents.tally.Stored(store);
  for (uint64_t block = range_.begin; block < range_.end; ++block) {
    record.set_ahead(record.ahead() + store.minibatches(block) -
                     contents.step * job_.tree.leaves());
  }
  return record;
}

void Checkpoints::Write(const Contents& contents, Done written, Done copied) {
  const TimePoint begun = Clock::now();
  auto generation = std::make_shared<Generation>();
  pb::GenerationRecord& record = generation->record;
  record = Record(contents);
  const Copy copy = NewCopy(contents);
  const bool copies = !copy.shards.empty();
  write_.Begin(contents.step, environment_.timer.Now());
  if (copies) {
    copy_.Begin(contents.step, environment_.timer.Now());
    record.set_copy(
        CopyFolder(job_.spec.checkpoint.copy_to, job_.id, contents.step, contents.plan.history()));
  }
  generation->blocks.reserve(range_.size());
  for (uint64_t block = range_.begin; block < range_.end; ++block) {
    generation->blocks.push_back(Part(contents, block));
  }
  record.set_stall_ms(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  environment_.storage.Post(
      [this, copies, copy, generation, written = std::move(written), copied = std::move(copied)] {
        const absl::Status status = WriteOnce(generation.get()).status();
        if (!copies || !status.ok()) generation->blocks.clear();
        written(status);
        if (status.ok()) environment_.on_change();
        if (!copies) return;
        if (!status.ok()) return copied(absl::CancelledError("its checkpoint was not written"));
        PostCopy(copy, generation, copied);
      });
}

// On the storage thread.
void Checkpoints::PostCopy(const Copy& copy, std::shared_ptr<Generation> generation,
                           Done done) const {
  environment_.lanes.Post(CopyLane(job_.id),
                          [this, copy, generation = std::move(generation), done = std::move(done)] {
                            const absl::Status copied = WriteCopy(copy, *generation);
                            generation->blocks.clear();
                            done(copied);
                          });
}

// The last step of a job that stops early may be a checkpoint already, taken before the last
// metrics came: that one stays what it is.
absl::StatusOr<StoredGeneration> Checkpoints::WriteOnce(Generation* generation) const {
  pb::GenerationRecord before = generation->record;
  before.set_ahead(0);
  auto known = environment_.db.Find(before);
  const bool same = known.has_value() && known->record.block_end() == before.block_end();
  if (!same || generation->record.ahead() == 0) return environment_.db.Write(*generation);
  const std::string copy = generation->record.copy();
  generation->record = known->record;
  generation->record.set_copy(copy);
  return *std::move(known);
}

Checkpoints::Copy Checkpoints::NewCopy(const Contents& contents) const {
  Copy copy;
  const std::string& folder = job_.spec.checkpoint.copy_to;
  if (folder.empty() || contents.stopped > 0 || contents.step == 0) return copy;
  const bool last = contents.plan.phase() == pb::Plan::FINISHED;  // nothing comes after it
  if (copy_.open > 0 && !last) return copy;
  for (const pb::ShardRange& shard : contents.plan.shards()) {
    if (shard.block_begin() == range_.begin && shard.block_end() == range_.end) {
      copy.shard = copy.shards.size();
    }
    copy.shards.push_back({shard.block_begin(), shard.block_end()});
  }
  return copy;
}

// On the lane of copies: what is const alone.
absl::Status Checkpoints::WriteCopy(const Copy& copy, const Generation& generation) const {
  return paracord::WriteCopy(generation.record.copy(), job_.grid,
                             StateFloats(job_.spec.optimizer.kind), copy.shards, copy.shard,
                             generation, StateSettings(job_.spec));
}

void Checkpoints::Report(pb::ShardReport* report) const {
  report->set_bytes(report->bytes() + reserved_);
  report->set_missed(missed_);
  report->set_store_error(Trouble());
  for (const uint64_t step : copied_) report->add_copied_steps(step);
}

std::string Checkpoints::Trouble() const {
  if (!error_.empty()) return error_;
  const TimePoint now = environment_.timer.Now();
  if (write_.Overdue(now)) {
    return absl::StrCat("step ", write_.step, " is not on the disk after ", kPatience / seconds(1),
                        " s");
  }
  if (!copy_.Overdue(now)) return copy_error_;
  return absl::StrCat("the copy of step ", copy_.step, " is not there after ",
                      kPatience / seconds(1), " s: ", job_.spec.checkpoint.copy_to,
                      " hangs or is slow");
}

// What is needed of a block to go on from it.
BlockSnapshot Checkpoints::Part(const Contents& contents, uint64_t block) {
  BlockSnapshot part = contents.store.Snapshot(block);
  // The version before has readers only where a history goes on.
  if (contents.stopped == 0 && part.version <= contents.step) part.previous = nullptr;
  // The optimizer has seen nothing yet: zero, as it is without.
  if (contents.store.minibatches(block) == 0) part.state1 = part.state2 = nullptr;
  return part;
}

}  // namespace paracord
