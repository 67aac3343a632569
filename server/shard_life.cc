// The life of a ParameterShard: plans, what it begins with, what it stores, how it ends. What it
// does in between is in parameter_shard.cc.
#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "server/parameter_shard.h"

namespace paracord {
namespace {

constexpr Duration kLoadAgain = seconds(1);

}  // namespace

void ParameterShard::Adopt(const pb::Plan& plan, uint64_t save_at) {
  strand_.Post([self = shared_from_this(), plan, save_at] {
    self->TakePlan(plan);
    if (plan.number() != self->plan_.number()) return;
    self->save_at_ = save_at;
    if (self->phase_ == Phase::kServing) self->checkpoints_.SaveAt(save_at, self->ReachedStep());
  });
}

void ParameterShard::TakePlan(const pb::Plan& plan) {
  if (plan.number() <= plan_.number() || phase_ == Phase::kStopped) return;
  const bool first = plan_.number() == 0, back = !first && plan.history() > plan_.history();
  if (phase_ == Phase::kBroken && !back) return;
  plan_ = plan;
  Follow();
  reads_.CancelBelow(plan.number(),
                     absl::CancelledError(absl::StrCat("plan ", plan.number(), " is in force")));
  if (plan.phase() == pb::Plan::CLOSED) {
    End(Phase::kClosed);
  } else if (first || back) {
    if (back) Forget();
    if (phase_ == Phase::kLoading) Load();
  } else if (plan.phase() == pb::Plan::FINISHED && phase_ == Phase::kServing) {
    Finish(plan.step());
  }
  Publish();
}

// What is there belongs to a history that has ended. Memory that was given back is reserved again.
void ParameterShard::Forget() {
  reads_.CancelAll(absl::CancelledError("the job goes back to an older step"));
  reads_.Open(nullptr);
  minibatches_.reset();
  norm_.reset();
  store_.reset();
  sums_.clear();
  checkpoints_.Forget();
  tally_ = std::make_unique<Tally>(*job_, range_);
  total_steps_ = 0;
  update_step_.reset();
  unreadable_ = {};
  phase_ = Phase::kLoading;
  broken_ = reserved_ ? absl::OkStatus()
                      : environment_.budget.Reserve(
                            budget_bytes_, absl::StrCat("job ", job_->id, " shard ", index_));
  reserved_ = broken_.ok();
  if (reserved_) return;
  phase_ = Phase::kBroken;
  StopIfAsked();
}

// The scheduler names this process in a plan only when the job is new or what it begins with has
// been proved to it. What other servers or a shared folder may have to give is waited for on a lane
// of its own.
void ParameterShard::Load() {
  const bool begins_with = plan_.has_origin() || !job_->spec.init.safetensors.empty();
  from_elsewhere_ = begins_with && !HasOwn(environment_.db, plan_, range_);
  auto load = [self = shared_from_this(), plan = plan_] {
    Unreadable unreadable;
    auto restored = LoadHistory(self->environment_.db, self->environment_.connect, plan,
                                self->range_, *self->job_, &unreadable);
    self->strand_.Post([self, history = plan.history(), restored = std::move(restored),
                        unreadable] { self->Loaded(history, restored, unreadable); });
  };
  if (!from_elsewhere_) return environment_.storage.Post(std::move(load));
  environment_.lanes.Post(
      absl::StrCat("history ", plan_.history(), " of shard ", index_, " of ", job_->id),
      std::move(load));
}

void ParameterShard::Loaded(uint64_t history,
                            const absl::StatusOr<std::optional<Restored>>& restored,
                            Unreadable unreadable) {
  if (history != plan_.history()) return;  // another load is on its way
  if (phase_ != Phase::kLoading) return;   // closed meanwhile
  if (restored.ok()) return Serve(*restored);
  if (absl::IsUnavailable(restored.status())) return LoadLater(restored.status());
  unreadable_ = unreadable;
  Break(restored.status());
}

// Somebody is away who has what the shard begins with: that only pauses the job.
void ParameterShard::LoadLater(const absl::Status& why) {
  if (stop_ != nullptr) return StopIfAsked();
  LogWarning("job ", job_->id, " shard ", index_, " cannot load yet: ", Describe(why));
  environment_.timer.RunAfter(kLoadAgain, [weak = weak_from_this(), history = plan_.history()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->strand_.Post([self, history] {
      const bool wanted = self->phase_ == Phase::kLoading && self->plan_.history() == history;
      if (wanted) self->Load();
    });
  });
}

void ParameterShard::Serve(const std::optional<Restored>& restored) {
  const JobSpec& spec = job_->spec;
  from_elsewhere_ = false;  // it is here
  store_ = std::make_unique<BlockStore>(job_->grid, range_, spec.optimizer, spec.virtual_workers,
                                        spec.skips_nonfinite);
  sums_.resize(range_.size());
  if (spec.clip_norm > 0) {
    norm_ = std::make_unique<GradientNorm>(*job_, range_, index_, environment_);
  }
  const bool goes_on = restored.has_value() && !restored->is_first;
  if (!goes_on) store_->Initialize(spec.seed);
  if (restored.has_value()) {
    for (const BlockSnapshot& block : restored->blocks) store_->Restore(block);
  }
  if (goes_on) {
    const uint64_t samples = restored->samples();
    if (samples > 0 && spec.TotalSteps(samples) < store_->LowestVersion()) {
      return Break(absl::InvalidArgumentError(absl::StrCat("the job begins with step ",
                                                           store_->LowestVersion(), " and has ",
                                                           spec.TotalSteps(samples), " steps")));
    }
    if (samples > 0) Learn(spec.TotalSteps(samples), samples);
    for (const pb::GenerationRecord& part : restored->parts) {
      tally_->Restore(part.epochs(), {part.block_begin(), part.block_end()});
      if (norm_ != nullptr && part.has_norm_squares()) {
        norm_->Restore({part.norm_step(), part.norm_squares()});
      }
    }
    LogInfo("job ", job_->id, ": restored blocks [", range_.begin, ", ", range_.end,
            ") as of step ", store_->LowestVersion());
  }
  minibatches_ = std::make_unique<Minibatches>(*job_, *store_, *tally_,
                                               restored.has_value() ? restored->touched() : 0);
  checkpoints_.Begin(store_->LowestVersion(), tally_->samples());
  if (goes_on) return Open();
  // The first values: whoever wants to compare with them finds them there. Nobody waits long for
  // them, and training would need room for what is on its way to the disk.
  Store(0, 0, [self = shared_from_this(), history = plan_.history()](const absl::Status& written) {
    self->strand_.Post([self, history, written] {
      self->checkpoints_.Written(written);
      if (self->plan_.history() != history || self->phase_ != Phase::kLoading) return;
      self->Open();
      if (!written.ok()) self->environment_.on_change();
    });
  });
}

void ParameterShard::Open() {
  phase_ = Phase::kServing;
  reads_.Open(store_.get());
  checkpoints_.SaveAt(save_at_, ReachedStep());
  if (plan_.phase() == pb::Plan::FINISHED) Finish(plan_.step());
  StopIfAsked();
  Publish();
}

// It came while blocks were being loaded.
void ParameterShard::StopIfAsked() {
  if (stop_ != nullptr) StoreAndStop(stopping_, std::exchange(stop_, nullptr));
}

void ParameterShard::Store(uint64_t step, uint64_t stopped, Checkpoints::Done done) {
  const auto self = shared_from_this();
  checkpoints_.Write(
      {plan_, step, stopped, *store_, *tally_, minibatches_.get(), norm_.get()},
      [self, done = std::move(done)](const absl::Status& written) { done(written); },
      [self, step, history = plan_.history()](const absl::Status& copied) {
        self->strand_.Post(
            [self, step, history, copied] { self->TakeCopied(step, history, copied); });
      });
}

// A failure is told, and training goes on.
void ParameterShard::StoreCheckpoint(uint64_t step) {
  Store(step, 0, [self = shared_from_this()](const absl::Status& written) {
    self->strand_.Post([self, written] {
      self->checkpoints_.Written(written);
      self->Publish();
      if (!written.ok()) self->environment_.on_change();
    });
  });
}

// The servers have the checkpoint: no job fails for a copy.
void ParameterShard::TakeCopied(uint64_t step, uint64_t history, const absl::Status& copied) {
  checkpoints_.Copied(step, copied, history == plan_.history());
  ReleaseMemory();
  Publish();
  environment_.on_change();  // the success of a job that has ended waits for it
}

// `block` has changed.
void ParameterShard::StoreIfDue(uint64_t block) {
  if (!checkpoints_.MayBeDue(store_->version(block))) return;
  const auto due = checkpoints_.TakeDue(ReachedStep(), total_steps_);
  if (due.has_value()) StoreCheckpoint(*due);
}

// Metrics may be one version further: the last evaluation made it.
void ParameterShard::Finish(uint64_t step) {
  pb::PullHeader last;
  last.set_version(step);
  last.set_block_begin(range_.begin);
  last.set_block_end(range_.end);
  if (reads_.Judge(last) > BulkSynchronous::Pull::kPrevious) {
    return Break(absl::DataLossError(absl::StrCat(
        "the job ended at step ", step, ", but this shard is at ", store_->LowestVersion())));
  }
  Store(step, 0, [self = shared_from_this(), number = plan_.number()](const absl::Status& written) {
    self->strand_.Post([self, number, written] {
      self->checkpoints_.Written(written);
      if (number != self->plan_.number()) return;  // the job went back, or was closed
      if (!written.ok()) {
        return self->Break(Annotate(written, "the last step cannot be stored"));
      }
      self->End(Phase::kStored);
    });
  });
}

void ParameterShard::StopAndStore(uint64_t incarnation, std::function<void(absl::Status)> done) {
  strand_.Post([self = shared_from_this(), incarnation, done = std::move(done)] {
    const bool loading = self->phase_ == Phase::kLoading && self->plan_.number() > 0;
    if (loading && !self->from_elsewhere_) {
      self->stop_ = done;
      self->stopping_ = incarnation;
    } else {
      self->StoreAndStop(incarnation, done);
    }
  });
}

// The job's step that all blocks have reached; after the last one, metrics go on to one more.
uint64_t ParameterShard::ReachedStep() const {
  const uint64_t last = total_steps_ > 0 ? total_steps_ : UINT64_MAX;
  return std::min(store_->LowestVersion(), last);
}

void ParameterShard::StoreAndStop(uint64_t incarnation, std::function<void(absl::Status)> done) {
  reads_.CancelAll(absl::UnavailableError("the server is stopping"));
  const bool serving = phase_ == Phase::kServing;
  if (serving || phase_ == Phase::kLoading) phase_ = Phase::kStopped;
  if (!serving) return done(absl::OkStatus());
  Store(ReachedStep(), incarnation, std::move(done));
  norm_.reset();
}

void ParameterShard::End(Phase phase) {
  if (phase_ == Phase::kStored || phase_ == Phase::kClosed) return;
  phase_ = phase;
  reads_.CancelAll(absl::OutOfRangeError("the job has ended"));
  reads_.Open(nullptr);
  minibatches_.reset();
  norm_.reset();
  store_.reset();
  sums_ = {};
  ReleaseMemory();
  StopIfAsked();
  Publish();
}

// Once nothing is held any more, by a copy on its way either.
void ParameterShard::ReleaseMemory() {
  const bool ended =
      phase_ == Phase::kStored || phase_ == Phase::kClosed || phase_ == Phase::kBroken;
  if (!reserved_ || !ended || checkpoints_.copying()) return;
  environment_.budget.Release(budget_bytes_);
  reserved_ = false;
}

void ParameterShard::Break(const absl::Status& status) {
  LogError("job ", job_->id, " shard ", index_, ": ", Describe(status));
  End(Phase::kClosed);
  phase_ = Phase::kBroken;
  broken_ = status;
  Publish();
  environment_.on_change();
}

}  // namespace paracord
