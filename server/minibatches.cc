#include "server/minibatches.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/job/optimizer.h"

namespace paracord {
namespace {

// A minibatch is a slice of a step: its gradient is the slice's mean, and it moves the weights by
// the slice's share. So V of them do what one step of bsp does, whatever the rule.
UpdateStep ShareOf(UpdateStep update, const JobSpec& spec, uint64_t staleness) {
  const double damping = 1 + spec.staleness_discount * static_cast<double>(staleness);
  update.lr = static_cast<float>(update.lr / (spec.virtual_workers * damping));
  return update;
}

}  // namespace

uint64_t Minibatches::Count(const pb::PushHeader& header, const Payload& floats, Crew& crew) {
  const uint64_t step = header.step();
  const uint32_t slice = header.node_begin();
  std::vector<Payload> parts;
  Payload::Cutter cutter(floats);
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    parts.push_back(cutter.Next(job_.grid.block(block).floats * sizeof(float)));
  }
  std::atomic<uint64_t> repeats{0}, applied{0};
  const auto count = [&](int, uint32_t i) {
    const uint64_t block = header.block_begin() + i;
    if (job_.grid.kind(block) == TensorKind::kSum) return absl::OkStatus();
    if (store_.Has(block, step, slice)) {
      ++repeats;
      return absl::OkStatus();
    }
    const uint64_t newest = store_.ledger(block).newest_step();
    const uint64_t staleness = newest > step ? newest - step : 0;
    const UpdateStep update = PrepareUpdate(job_.spec.optimizer, step, header.total_steps(),
                                            store_.minibatches(block) + 1);
    store_.ApplyMinibatch(block, std::move(parts[i]), ShareOf(update, job_.spec, staleness), step,
                          slice);
    ++applied;
    return absl::OkStatus();
  };
  crew.Run(static_cast<uint32_t>(parts.size()), count).IgnoreError();
  for (uint32_t i = 0; i < parts.size(); ++i) {
    const uint64_t block = header.block_begin() + i;
    if (job_.grid.kind(block) == TensorKind::kSum) CountMetrics(block, header, std::move(parts[i]));
  }
  if (applied > 0) touched_ = std::max(touched_, step + 1);
  tally_.AddMinibatch(step, slice, applied);
  return repeats;
}

void Minibatches::CountMetrics(uint64_t block, const pb::PushHeader& header, Payload floats) {
  if (header.step() < store_.version(block)) return;
  metrics_[header.step()].Add(job_.tree, {header.node_begin(), header.node_end()},
                              std::move(floats), store_.pool());
  touched_ = std::max(touched_, header.step());
  for (auto first = metrics_.begin();
       first != metrics_.end() && first->first == store_.version(block) &&
       first->second.complete(job_.tree);
       first = metrics_.erase(first)) {
    store_.Apply(block, first->second.Take(), UpdateStep());
  }
}

bool Minibatches::Has(uint64_t block, uint64_t minibatch) const {
  const uint64_t step = minibatch / job_.spec.virtual_workers;
  const auto slice = static_cast<uint32_t>(minibatch % job_.spec.virtual_workers);
  if (job_.grid.kind(block) != TensorKind::kSum) return store_.Has(block, step, slice);
  const auto sum = metrics_.find(step);
  return step < store_.version(block) ||
         (sum != metrics_.end() && sum->second.Covers({slice, slice + 1}));
}

std::vector<uint64_t> Minibatches::Done() const {
  std::vector<uint64_t> done;
  const uint64_t slices = job_.spec.virtual_workers;
  const BlockRange range = store_.range();
  uint64_t last = touched_;
  for (uint64_t block = range.begin; block < range.end; ++block) {
    last = std::max(last, store_.version(block));
  }
  for (uint64_t m = store_.LowestVersion() * slices; m < last * slices; ++m) {
    bool all = true;
    for (uint64_t block = range.begin; all && block < range.end; ++block) all = Has(block, m);
    if (all) done.push_back(m);
  }
  return done;
}

}  // namespace paracord
