#include "worker/lane.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "common/job/poison.h"
#include "worker/model/metric.h"
#include "worker/nonfinite.h"

namespace paracord {
namespace {

constexpr int64_t kEvaluationRows = 256;                 // at a time, at most
constexpr int64_t kEvaluationFloats = int64_t{1} << 26;  // of the memory that they take

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of a micro-batch, at most.
int64_t TrainingRows(const LanePlan& plan) {
  const uint64_t parts = plan.spec.accumulate;
  return static_cast<int64_t>((plan.sampler.LargestSlice() + parts - 1) / parts);
}

// The job alone decides, not the device. Who trains in micro-batches has no room for more.
int64_t EvaluationRows(const LanePlan& plan) {
  int64_t rows = kEvaluationRows;
  if (plan.spec.accumulate > 1) rows = std::min(rows, TrainingRows(plan));
  while (rows > 1 && plan.model.PassFloats(rows) > kEvaluationFloats) rows /= 2;
  return rows;
}

int64_t MostRows(const LanePlan& plan, int64_t evaluation_rows) {
  return std::max(plan.test != nullptr ? evaluation_rows : 1, TrainingRows(plan));
}

}  // namespace

Payload Leaf::Take(BufferPool& pool) const {
  FloatBuffer buffer = pool.Take(values_.size());
  std::copy(values_.begin(), values_.end(), buffer.get());
  const float* data = buffer.get();
  return Payload(data, values_.size(), std::move(buffer));
}

Lane::Lane(const LanePlan& plan)
    : plan_(plan),
      metrics_tensor_(static_cast<uint32_t>(plan.grid.tensors().size()) - 1),
      evaluation_rows_(EvaluationRows(plan)),
      pass_(plan.model, MostRows(plan, evaluation_rows_), plan.spec.accumulate > 1),
      train_(plan.train, plan.spec) {
  if (plan.test != nullptr) test_ = std::make_unique<SliceReader>(*plan.test, plan.spec);
}

double Lane::TakeBusy() { return std::exchange(busy_, 0); }

Weights Lane::CurrentWeights() const {
  Weights weights;
  for (uint32_t i = 0; i < metrics_tensor_; ++i) weights.push_back(plan_.client.tensor(i));
  return weights;
}

Lane::Part Lane::PartOf(const Slice& slice, const Batch& whole, uint32_t number) const {
  const JobSpec& spec = plan_.spec;
  const auto rows = static_cast<uint64_t>(whole.rows);
  const auto [first, last] = SliceOf(rows, spec.accumulate, number);
  const uint64_t begin =
      SliceOf(plan_.sampler.BatchSize(slice.step), spec.virtual_workers, slice.number).first;
  const auto row = static_cast<int64_t>(first);
  return {{whole.features + row * plan_.train.features(),
           whole.labels + row * plan_.train.label_floats(), static_cast<int64_t>(last - first)},
          {true, spec.seed, slice.step, begin + first, spec.virtual_workers * spec.accumulate}};
}

absl::StatusOr<double> Lane::BeforeLastPart(const Slice& slice, const Batch& whole,
                                            const Weights& weights, const Gradients& gradients,
                                            const FloatsHook& before_reading) {
  double loss = 0;
  for (uint32_t number = 0; number < plan_.spec.accumulate; ++number) {
    const Part part = PartOf(slice, whole, number);
    RETURN_IF_ERROR(pass_.Forward(weights, part.batch, part.context,
                                  number == 0 ? before_reading : FloatsHook()));
    ASSIGN_OR_RETURN(const double own, pass_.Loss());
    loss += own;
    if (number + 1 == plan_.spec.accumulate) break;
    RETURN_IF_ERROR(pass_.Backward(slice.gradient_scale, gradients, nullptr, number > 0));
  }
  return loss;
}

absl::Status Lane::Train(const Slice& slice, Leaf* leaf, const std::function<void()>& after_loss,
                         const HandOver& hand_over) {
  const Clock::time_point start = Clock::now();
  const JobSpec& spec = plan_.spec;
  const BlockGrid& grid = plan_.grid;
  const uint64_t batch_size = plan_.sampler.BatchSize(slice.step);
  const Batch batch = train_.ReadForStep(slice.step, plan_.sampler.Slice(slice.step, slice.number));
  const FloatBuffer buffer = plan_.pool.Take(ModelFloats().size());
  Gradients gradients;
  for (uint32_t i = 0; i < metrics_tensor_; ++i) {
    gradients.push_back(buffer.get() + grid.FloatsOf(grid.BlocksOf(i)).begin);
  }
  const Weights weights = CurrentWeights();
  double waited = 0;
  const auto await = [&](const FloatRange& floats) {
    const Clock::time_point begun = Clock::now();
    const absl::Status ready = plan_.client.Await(grid.BlocksOver(floats));
    waited += SecondsSince(begun);
    return ready;
  };
  ASSIGN_OR_RETURN(const double loss, BeforeLastPart(slice, batch, weights, gradients, await));
  (*leaf)[0] = static_cast<float>(loss / static_cast<double>(batch_size));
  absl::Status computed = CheckLoss((*leaf)[0], slice);
  if (!computed.ok() && !spec.skips_nonfinite) return computed;
  if (after_loss) after_loss();
  // Every shard has answered for this step before anything of it is pushed.
  RETURN_IF_ERROR(plan_.client.AwaitAll());
  size_t parts = 0, run = 0;  // that are complete
  const auto complete = [&](const FloatRange& floats) {
    RETURN_IF_ERROR(CheckGradients(floats, buffer.get(), slice));
    if (spec.skips_nonfinite) return absl::OkStatus();
    for (++parts; run < plan_.runs.size() && plan_.runs[run].parts <= parts; ++run) {
      RETURN_IF_ERROR(hand_over(run, buffer));
    }
    return absl::OkStatus();
  };
  if (computed.ok()) {
    computed = pass_.Backward(slice.gradient_scale, gradients, complete, spec.accumulate > 1);
  }
  if (spec.skips_nonfinite) computed = HandOverWhole(computed, slice, buffer, leaf, hand_over);
  RETURN_IF_ERROR(computed);
  busy_ += SecondsSince(start) - waited;
  return absl::OkStatus();
}

absl::Status Lane::HandOverWhole(const absl::Status& computed, const Slice& slice,
                                 const FloatBuffer& gradients, Leaf* leaf,
                                 const HandOver& hand_over) const {
  if (FailureCode(computed) == kNonFinite) {
    RETURN_IF_ERROR(CheckWeights(slice));
    PoisonFloats(gradients.get(), ModelFloats().size());
    leaf->Skip();
    if (plan_.on_skip) plan_.on_skip(slice.step, std::string(computed.message()));
  } else {
    RETURN_IF_ERROR(computed);
  }
  for (size_t run = 0; run < plan_.runs.size(); ++run) RETURN_IF_ERROR(hand_over(run, gradients));
  return absl::OkStatus();
}

FloatRange Lane::ModelFloats() const {
  return plan_.grid.FloatsOf({0, plan_.grid.BlocksOf(metrics_tensor_).begin});
}

absl::Status Lane::CheckLoss(float loss, const Slice& slice) const {
  if (std::isfinite(loss)) return absl::OkStatus();
  return NonFiniteError(absl::StrCat("the loss is ", std::isnan(loss) ? "nan" : "inf"),
                        plan_.sampler, slice.step, slice.number);
}

absl::Status Lane::CheckGradients(const FloatRange& floats, const float* gradients,
                                  const Slice& slice) const {
  const std::string found = FirstNonFinite(plan_.grid, floats, gradients);
  if (found.empty()) return absl::OkStatus();
  return NonFiniteError(absl::StrCat("the gradient of ", found), plan_.sampler, slice.step,
                        slice.number);
}

absl::Status Lane::CheckWeights(const Slice& slice) const {
  const std::string found = FirstNonFinite(plan_.grid, ModelFloats(), plan_.client.tensor(0));
  if (found.empty()) return absl::OkStatus();
  return NonFiniteError(absl::StrCat("of the weights, ", found), plan_.sampler, slice.step,
                        slice.number);
}

absl::Status Lane::Evaluate(uint32_t slice, Leaf* leaf) {
  const JobSpec& spec = plan_.spec;
  const uint64_t samples = plan_.test->samples();
  const auto [first, last] = SliceOf(samples, spec.virtual_workers, slice);
  const Weights weights = CurrentWeights();
  const auto rows = static_cast<uint64_t>(evaluation_rows_);
  std::vector<double> sums(SumFloats(spec.evaluate.metrics), 0.0);
  double loss_sum = 0;
  for (uint64_t at = first; at < last; at += rows) {
    std::vector<uint64_t> indices;
    for (uint64_t i = at; i < std::min(last, at + rows); ++i) indices.push_back(i);
    const Batch batch = test_->Read(indices);
    RETURN_IF_ERROR(pass_.Forward(weights, batch, {false, spec.seed, 0, 0}, nullptr));
    const std::vector<double> metrics = pass_.Metrics(spec.evaluate.metrics);
    for (size_t i = 0; i < metrics.size(); ++i) sums[i] += metrics[i];
    ASSIGN_OR_RETURN(const double loss, pass_.Loss());
    loss_sum += loss;
  }
  float* shares = &(*leaf)[Leaf::kEvaluation];
  shares[0] = static_cast<float>(loss_sum / static_cast<double>(samples));
  MetricShares(spec.evaluate.metrics, sums, samples, shares + 1);
  return absl::OkStatus();
}

}  // namespace paracord
