#include "worker/trainer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/consistency_message.h"
#include "worker/memory_guard.h"
#include "worker/model/metric.h"

namespace paracord {
namespace {

constexpr Duration kFirstPause = milliseconds(20);
constexpr Duration kLongestPause = seconds(2);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(const Parts& parts, uint32_t rank, uint64_t incarnation,
                 std::function<void(const Progress&)> on_progress)
    : parts_(parts),
      rank_(rank),
      incarnation_(incarnation),
      on_progress_(std::move(on_progress)),
      sampler_(parts.spec.seed, parts.train.samples(), parts.spec.batch_size,
               parts.spec.virtual_workers),
      tree_(parts.spec.virtual_workers),
      total_steps_(parts.spec.TotalSteps(parts.train.samples())),
      watch_(parts.spec),
      metrics_tensor_(static_cast<uint32_t>(parts.grid.tensors().size()) - 1),
      runs_(RunsOf(parts.grid, parts.model.BackwardParts())),
      crew_(parts.threads),
      lane_plan_{parts_.spec, parts_.grid, parts_.model,  parts_.train, parts_.test,
                 sampler_,    runs_,       parts_.client, pool_,        parts_.on_skip},
      last_step_(total_steps_) {
  parts_.client.SetSamples(parts_.train.samples());
  for (int i = 0; i < crew_.threads(); ++i) lanes_.push_back(std::make_unique<Lane>(lane_plan_));
  rounds_ = std::make_unique<MinibatchRounds>(
      MinibatchRounds::Parts{lane_plan_, crew_, lanes_, total_steps_,
                             [this](uint64_t step) { return EvaluationDue(step); },
                             [this](uint64_t step, uint64_t first, double seconds) {
                               ReportMinibatches(step, first, seconds);
                             },
                             [this](size_t slices) {
                               progress_.slices += slices;
                               AddBusy();
                             }});
}

Trainer::~Trainer() = default;

absl::Status Trainer::Run() {
  uint64_t number = 0;
  while (true) {
    const auto assignment = parts_.plans.WaitNewer(number);
    if (!assignment) return absl::CancelledError("the task is to stop");
    const pb::Plan& plan = assignment->plan();
    number = plan.number();
    const auto task = std::find_if(plan.tasks().begin(), plan.tasks().end(), [&](const auto& t) {
      return t.rank() == rank_ && t.incarnation() == incarnation_;
    });
    if (task == plan.tasks().end()) {
      return absl::CancelledError(absl::StrCat("plan ", number, " does not name this task"));
    }
    const absl::Status status = Follow(plan, *task);
    if (!absl::IsFailedPrecondition(status)) return status;
    LogInfo("plan ", number, " has ended here: ", std::string(status.message()));
  }
}

// Until the job is done or the plan has ended. A version that is gone does not end it: where to
// begin is asked for again, less and less often, as the answer may stay the same.
absl::Status Trainer::Follow(const pb::Plan& plan, const pb::TaskSlot& task) {
  Duration pause = kFirstPause;
  uint64_t reached = 0;
  absl::Status gone;
  while (true) {
    parts_.client.Adopt(plan, rank_);
    // Not before: Adopt forgets an Interrupt that came earlier.
    if (parts_.plans.HasNewer(plan.number())) {
      return absl::FailedPreconditionError("a newer plan is there");
    }
    if (!gone.ok()) {
      LogInfo("asking again where to begin: ", std::string(gone.message()));
      RETURN_IF_ERROR(parts_.client.Pause(pause, std::string(gone.message())));
      pause = progress_.step > reached ? kFirstPause : std::min(2 * pause, kLongestPause);
      reached = progress_.step;
    }
    gone = RunUnder(plan, task);
    if (!absl::IsOutOfRange(gone)) return gone;
  }
}

absl::Status Trainer::RunUnder(const pb::Plan& plan, const pb::TaskSlot& task) {
  begin_ = task.begin();
  end_ = task.end();
  const ConsistencySpec consistency = FromMessage(plan.consistency());
  ASSIGN_OR_RETURN(const StartingPoint start,
                   parts_.client.FindStart(parts_.spec.virtual_workers, total_steps_));
  LogInfo("plan ", plan.number(), ", ", Name(consistency), ": virtual workers [", begin_, ", ",
          end_, ") from step ", start.version, " of ", total_steps_);
  progress_.history = plan.history();
  progress_.step = start.version;
  progress_.evaluated = false;
  progress_.skipped.reset();
  progress_.evaluations.reset();
  watch_.Follow(absl::StrCat(plan.cluster(), "/", plan.job()),
                parts_.test == nullptr ? 1 : parts_.test->bytes_per_label());
  last_step_ = total_steps_;
  before_rounds_ = progress_;
  Progress begun = progress_;
  begun.begins = true;
  begun.step = std::min(start.version, total_steps_);
  on_progress_(begun);
  if (!consistency.bsp()) {
    RETURN_IF_ERROR(rounds_->Run(start, total_steps_ + 1));
    return rounds_->AwaitLastMetrics();
  }
  // Minibatches were applied as they came: all blocks have to be at the end of a step first.
  if (start.version < start.touched) RETURN_IF_ERROR(rounds_->Run(start, start.touched));
  return RunSteps(std::max(start.version, start.touched));
}

absl::Status Trainer::RunSteps(uint64_t first) {
  buckets_.clear();
  for (const BlockRun& run : runs_) {
    buckets_.push_back(std::make_unique<Bucket>(run.blocks, end_ - begin_));
  }
  parts_.client.Fetch(first);
  progress_.step = first;
  for (uint64_t step = first; step <= last_step_; ++step) RETURN_IF_ERROR(Step(step));
  return absl::OkStatus();
}

// What the evaluations before `step` have led to; it may be the job's last.
absl::Status Trainer::Judge(uint64_t step) {
  if (!watch_.on()) return absl::OkStatus();
  RETURN_IF_ERROR(parts_.client.Await(parts_.grid.BlocksOf(metrics_tensor_)));
  standings_ = watch_.Read(parts_.client.tensor(metrics_tensor_));
  if (step >= total_steps_ || !watch_.Ends(standings_)) return absl::OkStatus();
  last_step_ = step;
  LogInfo("the job ends at step ", step, ": ", watch_.Why(standings_));
  if (!progress_.evaluations.has_value()) progress_.evaluations.emplace();
  progress_.evaluations->set_stop_step(step);
  progress_.evaluations->set_why(watch_.Why(standings_));
  return absl::OkStatus();
}

// The job's last step trains nothing: it evaluates the last version.
absl::Status Trainer::Step(uint64_t step) {
  RETURN_IF_ERROR(Judge(step));
  leaves_.clear();
  for (uint32_t v = begin_; v < end_; ++v)
    leaves_.emplace_back(parts_.spec.MetricFloats(), step, v);
  if (watch_.on() && begin_ == 0) {
    watch_.Tell(standings_, EvaluationDue(step), &leaves_.front()[0]);
  }
  if (EvaluationDue(step)) RETURN_IF_ERROR(Evaluate(step));
  if (step == last_step_) return LastStep();
  const Clock::time_point start = Clock::now();
  const float scale = 1.0f / static_cast<float>(sampler_.BatchSize(step));
  RETURN_IF_ERROR(crew_.Run(end_ - begin_, [&](int thread, uint32_t item) {
    const uint32_t v = begin_ + item;
    const auto hand_over = [&](size_t run, const FloatBuffer& gradients) {
      HandOver(step, v, gradients, *buckets_[run]);
      return absl::OkStatus();
    };
    Lane& lane = *lanes_[static_cast<size_t>(thread)];
    return NameOutOfMemory(
        [&] { return SliceName(step, v); },
        [&] {
          return lane.Train({step, v, scale}, &leaves_[item], nullptr, hand_over);
        });
  }));
  progress_.step_seconds += SecondsSince(start);
  progress_.step_samples += sampler_.BatchSize(step);
  progress_.slices += end_ - begin_;
  AddBusy();
  return absl::OkStatus();
}

void Trainer::AddBusy() {
  for (const auto& lane : lanes_) {
    progress_.busy_seconds += lane->TakeBusy() / static_cast<double>(lanes_.size());
  }
}

absl::Status Trainer::LastStep() {
  RETURN_IF_ERROR(parts_.client.AwaitAll());
  ReportStepBefore(last_step_);
  const BlockRange metrics = parts_.grid.BlocksOf(metrics_tensor_);
  TreeSum sum;
  for (uint32_t v = begin_; v < end_; ++v) {
    sum.Add(tree_, {v, v + 1}, leaves_[v - begin_].Take(pool_), pool_);
  }
  parts_.client.Push(last_step_, total_steps_, metrics, sum.TakeAll(tree_, pool_));
  RETURN_IF_ERROR(parts_.client.Await(metrics));
  ReportStepBefore(last_step_ + 1);
  return absl::OkStatus();
}

void Trainer::HandOver(uint64_t step, uint32_t virtual_worker, const FloatBuffer& gradients,
                       Bucket& bucket) {
  const BlockRange metrics = parts_.grid.BlocksOf(metrics_tensor_);
  const bool with_metrics = bucket.blocks().end == metrics.end;
  const BlockRange own{bucket.blocks().begin, with_metrics ? metrics.begin : bucket.blocks().end};
  Payload floats(gradients.get() + parts_.grid.FloatsOf(own).begin, parts_.grid.Floats(own),
                 gradients);
  // Its loss is known by now.
  if (with_metrics) floats.Append(leaves_[virtual_worker - begin_].Take(pool_));
  if (!bucket.Add(tree_, virtual_worker, std::move(floats), pool_)) return;
  if (with_metrics) ReportStepBefore(step);  // the push's answer will overwrite what it reads
  parts_.client.Push(step, total_steps_, bucket.blocks(), bucket.Take(tree_, pool_));
}

bool Trainer::EvaluationDue(uint64_t step) const {
  if (parts_.test == nullptr || step == 0) return false;
  if (step == last_step_) return true;
  const uint64_t every = parts_.spec.EvaluationSteps(parts_.train.samples());
  return every > 0 && step % every == 0;
}

absl::Status Trainer::Evaluate(uint64_t step) {
  RETURN_IF_ERROR(parts_.client.AwaitAll());
  return crew_.Run(end_ - begin_, [&](int thread, uint32_t item) {
    return NameOutOfMemory([&] { return absl::StrCat("evaluating at step ", step); },
                           [&] {
                             return lanes_[static_cast<size_t>(thread)]->Evaluate(begin_ + item,
                                                                                  &leaves_[item]);
                           });
  });
}

// The metrics tensor at version `version` holds what step `version` - 1 sent.
void Trainer::ReportStepBefore(uint64_t version) {
  if (version > 0) Report(version - 1);
}

// The metrics tensor holds what `step` sent: its training loss, and an evaluation of the weights
// that it began with.
void Trainer::Report(uint64_t step) {
  const float* values = parts_.client.tensor(metrics_tensor_);
  progress_.step = std::min(step + 1, last_step_);
  bool skipped = false;  // then it has no loss, and the one before stays
  if (parts_.spec.skips_nonfinite) {
    const auto skips = static_cast<uint64_t>(values[parts_.spec.MetricFloats() - 1]);
    skipped = progress_.skipped.has_value() && skips > *progress_.skipped;
    progress_.skipped = skips;
  }
  if (watch_.on()) {
    if (!progress_.evaluations.has_value()) progress_.evaluations.emplace();
    watch_.Fill(watch_.Read(values), step, &*progress_.evaluations);
  }
  if (step < last_step_ && !skipped) {
    progress_.has_loss = true;
    progress_.loss = values[0];
  }
  progress_.evaluated = EvaluationDue(step);
  if (progress_.evaluated) {
    const float* evaluation = values + Leaf::kEvaluation;
    progress_.metrics =
        MetricValues(parts_.spec.evaluate.metrics, evaluation + 1, parts_.test->bytes_per_label());
    progress_.metrics.insert(progress_.metrics.begin(), static_cast<double>(evaluation[0]));
  }
  on_progress_(progress_);
}

// `seconds`: of training, since minibatches of step `first` on were asked for.
void Trainer::ReportMinibatches(uint64_t step, uint64_t first, double seconds) {
  const uint64_t end = std::min(step + 1, total_steps_);
  progress_.step_seconds = before_rounds_.step_seconds + seconds;
  progress_.step_samples =
      before_rounds_.step_samples + sampler_.SamplesBefore(end) - sampler_.SamplesBefore(first);
  Report(step);
}

}  // namespace paracord
