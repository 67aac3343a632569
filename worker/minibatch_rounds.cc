#include "worker/minibatch_rounds.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "worker/memory_guard.h"

namespace paracord {
namespace {

double SecondsFrom(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

struct MinibatchRounds::Round {
  struct Item {
    uint32_t slice;
    size_t sum;  // place in `work.sums`
    Leaf leaf;
  };

  Round(Work w, const StartingPoint& s, uint64_t u, const LanePlan& plan)
      : work(std::move(w)), start(s), until(u), runs(plan.runs.size()), pushed(runs) {
    for (const TreeNode& node : work.sums) {
      for (uint32_t slice = node.begin; slice < node.end; ++slice) {
        const size_t sum = static_cast<size_t>(&node - work.sums.data());
        items.push_back({slice, sum, Leaf(plan.spec.MetricFloats(), work.step, slice)});
      }
      for (const BlockRun& run : plan.runs) {
        buckets.push_back(std::make_unique<Bucket>(run.blocks, node.leaves()));
      }
    }
  }
  Bucket& bucket(size_t sum, size_t run) { return *buckets[sum * runs + run]; }

  const Work work;
  const StartingPoint& start;
  const uint64_t until;  // minibatches of steps before it are asked for
  const size_t runs;
  std::vector<Item> items;
  std::vector<std::unique_ptr<Bucket>> buckets;  // by sum, then run of blocks
  std::atomic<size_t> losses{0};                 // that are known
  std::atomic<double> evaluating{0};             // seconds, of all lanes together
  std::vector<std::atomic<size_t>> pushed;       // sums, by run of blocks
};

MinibatchRounds::MinibatchRounds(Parts parts)
    : parts_(std::move(parts)),
      tree_(parts_.plan.spec.virtual_workers),
      metrics_tensor_(static_cast<uint32_t>(parts_.plan.grid.tensors().size()) - 1),
      metrics_blocks_(parts_.plan.grid.BlocksOf(metrics_tensor_)) {}

absl::Status MinibatchRounds::Run(const StartingPoint& start, uint64_t until) {
  const LanePlan& plan = parts_.plan;
  first_ = start.version;
  trained_ = 0;
  round_begun_ = Clock::now();
  const auto most = static_cast<uint32_t>(parts_.lanes.size());
  plan.client.work().Ask(start, most, until, tree_.leaves());
  ASSIGN_OR_RETURN(Work work, plan.client.work().Await());
  if (!work.sums.empty()) plan.client.FetchNewest(work.step, parts_.total_steps);
  while (!work.sums.empty()) {
    Round round(std::move(work), start, until, plan);
    RETURN_IF_ERROR(RunRound(round));
    ASSIGN_OR_RETURN(work, plan.client.work().Await());
  }
  return absl::OkStatus();
}

absl::Status MinibatchRounds::RunRound(Round& round) {
  const auto items = static_cast<uint32_t>(round.items.size());
  RETURN_IF_ERROR(parts_.crew.Run(items, [&](int thread, uint32_t item) {
    Lane& lane = *parts_.lanes[static_cast<size_t>(thread)];
    const uint32_t slice = round.items[item].slice;
    return NameOutOfMemory([&] { return SliceName(round.work.step, slice); },
                           [&] { return Train(lane, round, item); });
  }));
  const bool trains = round.work.step < parts_.total_steps;
  const Clock::time_point now = Clock::now();
  const size_t lanes = std::min<size_t>(items, parts_.lanes.size());
  if (trains) {
    trained_ += SecondsFrom(round_begun_, now) - round.evaluating / static_cast<double>(lanes);
  }
  round_begun_ = now;
  parts_.on_computed(trains ? items : 0);
  return absl::OkStatus();
}

void MinibatchRounds::Ask(Round& round) {
  if (++round.losses < round.items.size()) return;
  const auto most = static_cast<uint32_t>(parts_.lanes.size());
  parts_.plan.client.work().Ask(round.start, most, round.until, tree_.leaves());
}

absl::Status MinibatchRounds::Train(Lane& lane, Round& round, size_t item) {
  const LanePlan& plan = parts_.plan;
  const uint64_t step = round.work.step;
  Round::Item& own = round.items[item];
  if (parts_.evaluation_due(step)) {
    RETURN_IF_ERROR(plan.client.AwaitAll());
    const Clock::time_point begin = Clock::now();
    RETURN_IF_ERROR(lane.Evaluate(own.slice, &own.leaf));
    round.evaluating += SecondsFrom(begin, Clock::now());
  }
  if (step == parts_.total_steps) {  // trains nothing
    RETURN_IF_ERROR(plan.client.AwaitAll());
    Ask(round);
    for (size_t run = 0; run < round.runs; ++run) {
      RETURN_IF_ERROR(HandOver(round, item, run, nullptr));
    }
    return absl::OkStatus();
  }
  // A sum of n of V minibatches is to be their mean: V / n of their share of the batch's.
  const float of_batch =
      static_cast<float>(tree_.leaves()) / static_cast<float>(round.work.sums[own.sum].leaves());
  const float scale = of_batch / static_cast<float>(plan.sampler.BatchSize(step));
  return lane.Train(
      {step, own.slice, scale}, &own.leaf, [&] { Ask(round); },
      [&](size_t run, const FloatBuffer& gradients) {
        return HandOver(round, item, run, gradients);
      });
}

// `gradients`: of the whole model; null: there are none, only metrics.
absl::Status MinibatchRounds::HandOver(Round& round, size_t item, size_t run,
                                       const FloatBuffer& gradients) {
  const LanePlan& plan = parts_.plan;
  Round::Item& own = round.items[item];
  BlockRange blocks = plan.runs[run].blocks;
  const bool with_metrics = blocks.end == metrics_blocks_.end;
  Payload floats;
  if (gradients != nullptr) {
    const BlockRange trained{blocks.begin, with_metrics ? metrics_blocks_.begin : blocks.end};
    floats = Payload(gradients.get() + plan.grid.FloatsOf(trained).begin, plan.grid.Floats(trained),
                     gradients);
  } else if (with_metrics) {
    blocks = metrics_blocks_;
  } else {
    return absl::OkStatus();
  }
  if (with_metrics) floats.Append(own.leaf.Take(plan.pool));
  Bucket& bucket = round.bucket(own.sum, run);
  if (!bucket.Add(tree_, own.slice, std::move(floats), plan.pool)) return absl::OkStatus();
  std::optional<uint64_t> next_step;
  if (++round.pushed[run] == round.work.sums.size()) {  // nobody reads these blocks any more
    ASSIGN_OR_RETURN(const Work next, plan.client.work().Await());
    if (with_metrics) ReportLastStep();
    if (!next.sums.empty()) next_step = next.step;
  }
  const std::vector<TreeSum::Partial> sums = bucket.Take(tree_, plan.pool);  // one: a whole node
  for (const TreeSum::Partial& sum : sums) {
    plan.client.PushMinibatches(round.work.step, parts_.total_steps, blocks, sum, next_step);
  }
  return absl::OkStatus();
}

// How far the job is, as the metrics say that this task has: the last step that is whole.
void MinibatchRounds::ReportLastStep() {
  const uint64_t step = Leaf::StepOf(Metrics());
  const bool first_values = Metrics()[0] == 0 && step == 0;
  if (!first_values && step >= first_) parts_.on_step(step, first_, trained_);
}

absl::Status MinibatchRounds::AwaitLastMetrics() {
  const uint64_t total = parts_.total_steps;
  for (const uint64_t version : {total, total + 1}) {  // last loss, last evaluation
    parts_.plan.client.Fetch(metrics_blocks_, version);
    RETURN_IF_ERROR(parts_.plan.client.Await(metrics_blocks_));
    if (version > 0) parts_.on_step(version - 1, first_, trained_);
  }
  return absl::OkStatus();
}

}  // namespace paracord
