#include "server/parameter_shard.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "common/rpc/consistency_message.h"
#include "server/push_check.h"

namespace paracord {
namespace {

constexpr Duration kAskAgain = milliseconds(20);  // and then after twice as long each time
constexpr Duration kAskSeldom = seconds(1);

}  // namespace

std::shared_ptr<ParameterShard> ParameterShard::Create(std::shared_ptr<const ShardJob> job,
                                                       const pb::ShardRange& range,
                                                       const ShardEnvironment& environment) {
  std::shared_ptr<ParameterShard> shard(new ParameterShard(std::move(job), range, environment));
  if (shard->range_.end > shard->job_->grid.blocks() || shard->range_.begin > shard->range_.end) {
    shard->broken_ = absl::InvalidArgumentError(
        absl::StrCat("blocks [", range.block_begin(), ", ", range.block_end(),
                     ") are not in the model's grid of ", shard->job_->grid.blocks()));
  } else {
    const std::string who = absl::StrCat("job ", shard->job_->id, " shard ", shard->index_);
    shard->broken_ = environment.budget.Reserve(shard->budget_bytes_, who);
    shard->reserved_ = shard->broken_.ok();
  }
  if (!shard->broken_.ok()) shard->phase_ = Phase::kBroken;
  shard->Publish();
  return shard;
}

ParameterShard::ParameterShard(std::shared_ptr<const ShardJob> job, const pb::ShardRange& range,
                               const ShardEnvironment& environment)
    : job_(std::move(job)),
      index_(range.index()),
      range_{range.block_begin(), range.block_end()},
      environment_(environment),
      budget_bytes_(range_.end > job_->grid.blocks() || range_.begin > range_.end
                        ? 0
                        : BlockStore::BudgetBytes(job_->grid, range_, job_->spec.optimizer.kind)),
      reads_(environment.timer, environment.crew),
      tally_(std::make_unique<Tally>(*job_, range_)),
      checkpoints_(*job_, range_, environment_),
      ask_norm_again_(kAskAgain),
      leases_(job_->tree) {}

ParameterShard::~ParameterShard() {
  reads_.CancelAll(absl::CancelledError("the shard is gone"));
  if (reserved_) environment_.budget.Release(budget_bytes_);
}

void ParameterShard::Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) {
  strand_.Post(
      [self = shared_from_this(), header, floats = std::move(floats),
       done = std::move(done)]() mutable { self->TakePush(header, floats, std::move(done)); });
}

void ParameterShard::Pull(const pb::PullHeader& header, Callback<Payload> done) {
  strand_.Post([self = shared_from_this(), header, done = std::move(done)]() mutable {
    self->TakePull(header, std::move(done));
  });
}

void ParameterShard::Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) {
  strand_.Post([self = shared_from_this(), request, done = std::move(done)] {
    done(self->TakeQuery(request));
  });
}

absl::StatusOr<pb::QueryReply> ParameterShard::TakeQuery(const pb::QueryRequest& request) const {
  RETURN_IF_ERROR(CheckPlan(request.plan()));
  pb::QueryReply reply;
  reply.set_history(plan_.history());
  reply.set_version(store_->LowestVersion());
  reply.set_touched(minibatches_->touched());
  reply.set_samples(tally_->samples());
  if (request.audit()) {
    *reply.mutable_epochs() = tally_->Count(*store_);
  } else {
    for (const uint64_t minibatch : minibatches_->Done()) reply.add_done(minibatch);
  }
  return reply;
}

void ParameterShard::Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) {
  strand_.Post([self = shared_from_this(), request, done = std::move(done)] {
    absl::Status status = self->CheckPlan(request.plan());
    if (request.plan() == 0) status = absl::InvalidArgumentError("a lease needs a plan's number");
    done(status.ok() ? self->leases_.Take(request) : status);
  });
}

// What a plan says about consistency. Sums of bsp that are not complete are of minibatches that
// nobody has yet, should these be handed out one by one now.
void ParameterShard::Follow() {
  std::set<uint32_t> ranks;
  for (const pb::TaskSlot& task : plan_.tasks()) ranks.insert(task.rank());
  leases_.Reset(std::move(ranks));
  const ConsistencySpec consistency = FromMessage(plan_.consistency());
  reads_.Follow(consistency);
  if (!consistency.bsp()) sums_.assign(sums_.size(), TreeSum());
}

// What only those know who read the data.
void ParameterShard::Learn(uint64_t total_steps, uint64_t samples) {
  total_steps_ = total_steps;
  tally_->Know(samples);
  checkpoints_.Begin(store_->LowestVersion(), samples);
}

absl::Status ParameterShard::CheckPlan(uint64_t number) const {
  switch (phase_) {
    case Phase::kBroken:
      // Where to go back to instead is about to be decided: no reason for a task to fail.
      if (unreadable_.history > 0) return absl::UnavailableError(broken_.message());
      return broken_;
    case Phase::kLoading:
      return absl::UnavailableError("the shard is loading its blocks");
    case Phase::kStopped:
      return absl::UnavailableError("the server is stopping");
    case Phase::kStored:
    case Phase::kClosed:
      return absl::FailedPreconditionError("the job has ended");
    case Phase::kServing:
      break;
  }
  if (number == 0 || number == plan_.number()) return absl::OkStatus();
  const std::string message =
      absl::StrCat("found plan ", number, ", in force is plan ", plan_.number());
  if (number < plan_.number()) return absl::FailedPreconditionError(message);
  return absl::UnavailableError(message);
}

void ParameterShard::TakePush(const pb::PushHeader& header, const Payload& floats,
                              Callback<Payload> done) {
  absl::Status status = CheckPlan(header.plan());
  if (status.ok()) status = CheckPush(*job_, *store_, total_steps_, header, floats.size());
  if (!status.ok()) return done(status);
  if (!header.pull()) done(Payload());  // taken; the sender need not wait for the update
  if (total_steps_ == 0) Learn(header.total_steps(), header.samples());
  if (header.minibatch()) {
    repeats_ += minibatches_->Count(header, floats, environment_.crew);
  } else {
    Count(header, floats);
  }
  reads_.AnswerWaiting();
  StoreIfDue(header.block_begin());
  if (header.pull()) {
    TakePull(ReadAfter(header), [done = std::move(done)](absl::StatusOr<Payload> reply) {
      done(absl::IsDeadlineExceeded(reply.status()) ? Payload() : std::move(reply));
    });
  }
}

// Blocks are independent. A sum's first part is only kept, all others mean work: for the crew.
void ParameterShard::Count(const pb::PushHeader& header, const Payload& floats) {
  const UpdateStep& update = Update(header.step());
  if (norm_ != nullptr && !norm_->blocks().empty()) {
    norm_->Begin(store_->version(norm_->blocks().front()));
  }
  std::vector<Payload> parts;
  bool work = false;
  Payload::Cutter cutter(floats);
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    parts.push_back(cutter.Next(job_->grid.block(block).floats * sizeof(float)));
    work = work || sums_[block - range_.begin].partials() > 0;
  }
  std::vector<char> applied(parts.size(), 0);  // each its own byte: on several threads
  const auto count = [&](int, uint32_t i) {
    const uint64_t block = header.block_begin() + i;
    const bool complete = CountBlock(header, block, std::move(parts[i]), update);
    applied[i] = complete && store_->trains(block);
    return absl::OkStatus();
  };
  if (work) {
    environment_.crew.Run(parts.size(), count).IgnoreError();
  } else {
    for (uint32_t i = 0; i < parts.size(); ++i) count(0, i).IgnoreError();
  }
  std::vector<uint64_t> changed;
  for (uint32_t i = 0; i < parts.size(); ++i) {
    if (applied[i]) changed.push_back(header.block_begin() + i);
  }
  tally_->AddStep(header.step(), changed);
  AskNorm();
}

// On any thread, while the strand waits. True: the step is applied now.
bool ParameterShard::CountBlock(const pb::PushHeader& header, uint64_t block, Payload floats,
                                const UpdateStep& update) {
  if (BulkSynchronous::ForPush(header.step(), store_->version(block)) ==
      BulkSynchronous::Push::kRepeat) {
    ++repeats_;
    return false;
  }
  const TreeNode node{header.node_begin(), header.node_end()};
  TreeSum& sum = sums_[block - range_.begin];
  store_->DropPrevious(block);
  if (!sum.Add(job_->tree, node, std::move(floats), store_->pool())) {
    ++repeats_;
    return false;
  }
  if (!sum.complete(job_->tree)) return false;
  if (norm_ != nullptr && norm_->Counts(block)) {
    norm_->Note(block, store_->SquaredNorm(block, sum.Look()));
    return false;
  }
  store_->Apply(block, sum.Take(), update);
  return true;
}

void ParameterShard::Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) {
  strand_.Post([self = shared_from_this(), request, done = std::move(done)] {
    absl::Status status = self->CheckPlan(0);
    if (status.ok() && self->norm_ == nullptr) {
      status = absl::InvalidArgumentError("the job does not clip its gradients");
    }
    if (status.ok() && request.history() != self->plan_.history()) {
      status = absl::UnavailableError(absl::StrCat("found history ", request.history(),
                                                   ", in force is ", self->plan_.history()));
    }
    if (!status.ok()) return done(status);
    self->norm_->Take(request, done);
  });
}

// When all of this shard's part of a step is there.
void ParameterShard::AskNorm() {
  if (norm_ == nullptr || !norm_->Ready()) return;
  norm_->Ask(plan_, [weak = weak_from_this(), history = plan_.history(),
                     step = norm_->step()](const absl::StatusOr<pb::NormReply>& norm) {
    auto self = weak.lock();
    if (self == nullptr) return;
    Strand& strand = self->strand_;
    strand.Post(
        [self = std::move(self), history, step, norm] { self->TakeNorm(history, step, norm); });
  });
}

void ParameterShard::TakeNorm(uint64_t history, uint64_t step,
                              const absl::StatusOr<pb::NormReply>& norm) {
  const bool open = phase_ == Phase::kServing && norm_ != nullptr && history == plan_.history() &&
                    store_->version(norm_->blocks().front()) == step;
  if (!open) return;
  if (!norm.ok()) return AskNormLater(norm.status());
  ask_norm_again_ = kAskAgain;
  ApplyClipped(step, norm->squares());
}

void ParameterShard::AskNormLater(const absl::Status& why) {
  const bool usual =
      absl::IsUnavailable(why) || absl::IsDeadlineExceeded(why) || absl::IsCancelled(why);
  if (!usual && ask_norm_again_ == kAskAgain) {
    LogWarning("job ", job_->id, " shard ", index_, ": no gradient norm yet: ", Describe(why));
  }
  const Duration pause = ask_norm_again_;
  ask_norm_again_ = std::min(2 * pause, kAskSeldom);
  environment_.timer.RunAfter(pause, [weak = weak_from_this(), history = plan_.history()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->strand_.Post([self, history] {
      if (self->norm_ == nullptr || history != self->plan_.history()) return;
      self->norm_->NotAnswered();
      self->AskNorm();
    });
  });
}

// All trained blocks at once, as the norm is of all.
void ParameterShard::ApplyClipped(uint64_t step, double squares) {
  UpdateStep update = Update(step);
  update.clip = ClipFactor(job_->spec.clip_norm, squares);
  const std::vector<uint64_t>& blocks = norm_->blocks();
  environment_.crew
      .Run(blocks.size(),
           [&](int, uint32_t i) {
             store_->Apply(blocks[i], sums_[blocks[i] - range_.begin].Take(), update);
             return absl::OkStatus();
           })
      .IgnoreError();
  tally_->AddStep(step, blocks);
  reads_.AnswerWaiting();
  StoreIfDue(blocks.front());
}

const UpdateStep& ParameterShard::Update(uint64_t step) {
  if (update_step_ != step) {
    update_ = PrepareUpdate(job_->spec.optimizer, step, total_steps_);
    update_step_ = step;
  }
  return update_;
}

void ParameterShard::TakePull(const pb::PullHeader& header, Callback<Payload> done) {
  absl::Status status = CheckPlan(header.plan());
  if (status.ok()) status = CheckBlocks(range_, header.block_begin(), header.block_end());
  if (!status.ok()) return done(status);
  if (header.plan() == 0 && !SameHistory(header, plan_)) {
    return done(absl::OutOfRangeError(absl::StrCat("history ", header.history(), " is gone")));
  }
  reads_.Take(header, std::move(done));
}

void ParameterShard::ExpireWaits() {
  strand_.Post([self = shared_from_this()] {
    self->reads_.Expire();
    if (self->norm_ != nullptr) self->norm_->Expire();
    self->Publish();
  });
}

void ParameterShard::Publish() {
  pb::ShardReport report;
  report.set_job(job_->id);
  report.set_index(index_);
  report.set_plan(phase_ == Phase::kLoading ? 0 : plan_.number());
  report.set_history(plan_.history());
  report.set_version(store_ ? ReachedStep() : 0);
  report.set_bytes(reserved_ ? budget_bytes_ : 0);
  for (const uint64_t count : reads_.staleness_counts()) report.add_staleness_counts(count);
  if (!broken_.ok()) {
    report.set_error_code(CodeName(broken_.code()));
    report.set_error(std::string(broken_.message()));
    report.set_unreadable_history(unreadable_.history);
    report.set_unreadable_step(unreadable_.step);
    report.set_unreadable_hash(unreadable_.hash);
  }
  checkpoints_.Report(&report);
  MutexLock lock(report_mutex_);
  report_ = std::move(report);
}

pb::ShardReport ParameterShard::Report() {
  MutexLock lock(report_mutex_);
  return report_;
}

}  // namespace paracord
