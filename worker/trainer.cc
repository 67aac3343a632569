#include "worker/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr int64_t kEvaluationRows = 256;
constexpr Duration kFirstPause = milliseconds(20);
constexpr Duration kLongestPause = seconds(2);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct Trainer::Lane {
  Lane(const Parts& parts, int64_t rows)
      : pass(parts.model, rows), train(parts.train, static_cast<float>(parts.spec.scale)) {
    if (parts.test != nullptr) {
      test = std::make_unique<SliceReader>(*parts.test, static_cast<float>(parts.spec.scale));
    }
  }
  double busy = 0;  // seconds of computing in this step
  Pass pass;
  SliceReader train;
  std::unique_ptr<SliceReader> test;
};

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
      metrics_tensor_(static_cast<uint32_t>(parts.grid.tensors().size()) - 1),
      runs_(RunsOf(parts.grid, parts.model.BackwardParts())),
      crew_(parts.threads) {
  for (int i = 0; i < crew_.threads(); ++i) {
    const auto rows = static_cast<int64_t>(sampler_.LargestSlice());
    lanes_.push_back(std::make_unique<Lane>(parts_, std::max(kEvaluationRows, rows)));
  }
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
      pause = std::min(2 * pause, kLongestPause);
    }
    gone = RunUnder(plan, task);
    if (!absl::IsOutOfRange(gone)) return gone;
  }
}

absl::Status Trainer::RunUnder(const pb::Plan& plan, const pb::TaskSlot& task) {
  begin_ = task.begin();
  end_ = task.end();
  buckets_.clear();
  for (const BlockRun& run : runs_) {
    buckets_.push_back(std::make_unique<Bucket>(run.blocks, end_ - begin_));
  }
  ASSIGN_OR_RETURN(const uint64_t first, parts_.client.FirstStep());
  LogInfo("plan ", plan.number(), ": virtual workers [", begin_, ", ", end_, ") from step ", first,
          " of ", total_steps_);
  parts_.client.Fetch(first);
  progress_.step = first;
  progress_.evaluated = false;
  for (uint64_t step = first; step <= total_steps_; ++step) RETURN_IF_ERROR(Step(step));
  return absl::OkStatus();
}

// Step `total_steps` trains nothing: it evaluates the last version.
absl::Status Trainer::Step(uint64_t step) {
  leaves_.assign(end_ - begin_, std::vector<float>(parts_.spec.MetricFloats(), 0.0f));
  if (EvaluationDue(step)) RETURN_IF_ERROR(Evaluate(step));
  if (step == total_steps_) return LastStep();
  const Clock::time_point start = Clock::now();
  RETURN_IF_ERROR(crew_.Run(end_ - begin_, [&](int thread, uint32_t item) {
    return TrainSlice(*lanes_[static_cast<size_t>(thread)], step, begin_ + item);
  }));
  progress_.step_seconds += SecondsSince(start);
  progress_.step_samples += sampler_.BatchSize(step);
  for (const auto& lane : lanes_) {
    progress_.busy_seconds += std::exchange(lane->busy, 0) / static_cast<double>(lanes_.size());
  }
  return absl::OkStatus();
}

absl::Status Trainer::LastStep() {
  RETURN_IF_ERROR(parts_.client.AwaitAll());
  ReportStepBefore(total_steps_);
  const BlockRange metrics = parts_.grid.BlocksOf(metrics_tensor_);
  TreeSum sum;
  for (uint32_t v = begin_; v < end_; ++v) sum.Add(tree_, {v, v + 1}, Leaf(v), pool_);
  parts_.client.Push(total_steps_, total_steps_, metrics, sum.TakeAll(tree_, pool_));
  RETURN_IF_ERROR(parts_.client.Await(metrics));
  ReportStepBefore(total_steps_ + 1);
  return absl::OkStatus();
}

absl::Status Trainer::TrainSlice(Lane& lane, uint64_t step, uint32_t virtual_worker) {
  const Clock::time_point start = Clock::now();
  const JobSpec& spec = parts_.spec;
  const uint64_t batch_size = sampler_.BatchSize(step);
  const Batch batch = lane.train.Read(sampler_.Slice(step, virtual_worker));
  const PassContext context{true, spec.seed, step,
                            SliceOf(batch_size, spec.virtual_workers, virtual_worker).first};
  const BlockGrid& grid = parts_.grid;
  const FloatBuffer buffer = pool_.Take(grid.Floats({0, grid.BlocksOf(metrics_tensor_).begin}));
  Gradients gradients;
  for (uint32_t i = 0; i < metrics_tensor_; ++i) {
    gradients.push_back(buffer.get() + grid.FloatsOf(grid.BlocksOf(i)).begin);
  }
  const Weights weights = CurrentWeights();
  double waited = 0;
  RETURN_IF_ERROR(lane.pass.Forward(weights, batch, context, [&](const FloatRange& floats) {
    const Clock::time_point begun = Clock::now();
    const absl::Status ready = parts_.client.Await(grid.BlocksOver(floats));
    waited += SecondsSince(begun);
    return ready;
  }));
  ASSIGN_OR_RETURN(const double loss, lane.pass.Loss(batch));
  leaves_[virtual_worker - begin_][0] = static_cast<float>(loss / static_cast<double>(batch_size));
  // Every shard has answered for this step before anything of it is pushed.
  RETURN_IF_ERROR(parts_.client.AwaitAll());
  size_t parts = 0, run = 0;  // that are complete
  RETURN_IF_ERROR(lane.pass.Backward(
      weights, batch, 1.0f / static_cast<float>(batch_size), gradients, [&](const FloatRange&) {
        for (++parts; run < runs_.size() && runs_[run].parts <= parts; ++run) {
          HandOver(step, virtual_worker, buffer, *buckets_[run]);
        }
        return absl::OkStatus();
      }));
  lane.busy += SecondsSince(start) - waited;
  return absl::OkStatus();
}

void Trainer::HandOver(uint64_t step, uint32_t virtual_worker, const FloatBuffer& gradients,
                       Bucket& bucket) {
  const BlockRange metrics = parts_.grid.BlocksOf(metrics_tensor_);
  const bool with_metrics = bucket.blocks().end == metrics.end;
  const BlockRange own{bucket.blocks().begin, with_metrics ? metrics.begin : bucket.blocks().end};
  Payload floats(gradients.get() + parts_.grid.FloatsOf(own).begin, parts_.grid.Floats(own),
                 gradients);
  if (with_metrics) floats.Append(Leaf(virtual_worker));  // its loss is known by now
  if (!bucket.Add(tree_, virtual_worker, std::move(floats), pool_)) return;
  if (with_metrics) ReportStepBefore(step);  // the push's answer will overwrite what it reads
  parts_.client.Push(step, total_steps_, bucket.blocks(), bucket.Take(tree_, pool_));
}

// The metrics of one virtual worker of this task, as a tensor.
Payload Trainer::Leaf(uint32_t virtual_worker) {
  const std::vector<float>& leaf = leaves_[virtual_worker - begin_];
  FloatBuffer buffer = pool_.Take(leaf.size());
  std::copy(leaf.begin(), leaf.end(), buffer.get());
  const float* data = buffer.get();
  return Payload(data, leaf.size(), std::move(buffer));
}

bool Trainer::EvaluationDue(uint64_t step) const {
  if (parts_.test == nullptr || step == 0) return false;
  if (step == total_steps_) return true;
  const EvaluateSpec& evaluate = parts_.spec.evaluate;
  const uint64_t every = evaluate.every_steps > 0
                             ? evaluate.every_steps
                             : evaluate.every_epochs * sampler_.steps_per_epoch();
  return every > 0 && step % every == 0;
}

absl::Status Trainer::Evaluate(uint64_t step) {
  RETURN_IF_ERROR(parts_.client.AwaitAll());
  return crew_.Run(end_ - begin_, [&](int thread, uint32_t item) {
    return EvaluateSlice(*lanes_[static_cast<size_t>(thread)], begin_ + item);
  });
}

absl::Status Trainer::EvaluateSlice(Lane& lane, uint32_t virtual_worker) {
  const JobSpec& spec = parts_.spec;
  const uint64_t samples = parts_.test->samples();
  const auto [first, last] = SliceOf(samples, spec.virtual_workers, virtual_worker);
  const Weights weights = CurrentWeights();
  std::vector<double> sums(1 + spec.evaluate.metrics.size(), 0.0);
  for (uint64_t at = first; at < last; at += kEvaluationRows) {
    std::vector<uint64_t> indices;
    for (uint64_t i = at; i < std::min(last, at + kEvaluationRows); ++i) indices.push_back(i);
    const Batch batch = lane.test->Read(indices);
    RETURN_IF_ERROR(lane.pass.Forward(weights, batch, {false, spec.seed, 0, 0}, nullptr));
    const std::vector<double> metrics = lane.pass.Metrics(batch, spec.evaluate.metrics);
    for (size_t i = 0; i < metrics.size(); ++i) sums[1 + i] += metrics[i];
    ASSIGN_OR_RETURN(const double loss, lane.pass.Loss(batch));
    sums[0] += loss;
  }
  std::vector<float>& leaf = leaves_[virtual_worker - begin_];
  for (size_t i = 0; i < sums.size(); ++i) {
    leaf[1 + i] = static_cast<float>(sums[i] / static_cast<double>(samples));
  }
  return absl::OkStatus();
}

// The metrics tensor at version `version` holds what step `version` - 1 sent: its training loss,
// and an evaluation of the weights that it began with.
void Trainer::ReportStepBefore(uint64_t version) {
  if (version == 0) return;
  const uint64_t step = version - 1;
  const float* values = parts_.client.tensor(metrics_tensor_);
  progress_.step = std::min(version, total_steps_);
  if (step < total_steps_) {
    progress_.has_loss = true;
    progress_.loss = values[0];
  }
  progress_.evaluated = EvaluationDue(step);
  if (progress_.evaluated) {
    progress_.metrics.assign(values + 1, values + parts_.spec.MetricFloats());
    for (size_t i = 0; i < parts_.spec.evaluate.metrics.size(); ++i) {
      double& value = progress_.metrics[1 + i];
      if (parts_.spec.evaluate.metrics[i] == MetricKind::kRmse) value = std::sqrt(value);
    }
  }
  on_progress_(progress_);
}

Weights Trainer::CurrentWeights() const {
  Weights weights;
  for (uint32_t i = 0; i < metrics_tensor_; ++i) weights.push_back(parts_.client.tensor(i));
  return weights;
}

}  // namespace paracord
