#include "server/minibatches.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/job/optimizer.h"

namespace paracord {
namespace {

// What is further ahead is not told: it would be handed out again, and be a repeat.
constexpr uint64_t kMostTold = 1 << 22;  // minibatches

TreeNode NodeOf(const pb::PushHeader& header) { return {header.node_begin(), header.node_end()}; }

}  // namespace

uint64_t Minibatches::Count(const pb::PushHeader& header, const Payload& floats, Crew& crew) {
  const uint64_t step = header.step();
  const TreeNode node = NodeOf(header);
  std::vector<Payload> parts;
  Payload::Cutter cutter(floats);
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    parts.push_back(cutter.Next(job_.grid.block(block).floats * sizeof(float)));
  }
  std::atomic<uint64_t> repeats{0};
  std::vector<char> applied(parts.size(), 0);  // each its own byte: on several threads
  const auto count = [&](int, uint32_t i) {
    const uint64_t block = header.block_begin() + i;
    if (job_.grid.kind(block) == TensorKind::kSum) return absl::OkStatus();
    if (store_.CountOf(block, step, node) > 0) {  // then all of them
      ++repeats;
    } else {
      Apply(block, header, parts[i]);
      applied[i] = 1;
    }
    return absl::OkStatus();
  };
  crew.Run(static_cast<uint32_t>(parts.size()), count).IgnoreError();
  for (uint32_t i = 0; i < parts.size(); ++i) {
    const uint64_t block = header.block_begin() + i;
    if (job_.grid.kind(block) == TensorKind::kSum) CountMetrics(block, header, std::move(parts[i]));
  }
  std::vector<uint64_t> changed;
  for (uint32_t i = 0; i < parts.size(); ++i) {
    if (applied[i]) changed.push_back(header.block_begin() + i);
  }
  if (!changed.empty()) touched_ = std::max(touched_, step + 1);
  tally_.AddMinibatches(step, node, changed);
  return repeats;
}

void Minibatches::Apply(uint64_t block, const pb::PushHeader& header, const Payload& gradient) {
  const OptimizerSpec& optimizer = job_.spec.optimizer;
  const uint64_t step = header.step();
  const TreeNode node = NodeOf(header);
  const double slices = job_.spec.virtual_workers;
  const double steps = static_cast<double>(store_.minibatches(block) + node.leaves()) / slices;
  UpdateStep update = PartOf(PrepareUpdate(optimizer, step, header.total_steps()), optimizer,
                             node.leaves() / slices, steps);
  const uint64_t newest = store_.ledger(block).newest_step();
  const double staleness = newest > step ? static_cast<double>(newest - step) : 0;
  update.lr = static_cast<float>(update.lr / (1 + job_.spec.staleness_discount * staleness));
  store_.ApplyMinibatches(block, gradient, update, step, node);
}

// What bsp has gone past meanwhile is of no use any more.
void Minibatches::CountMetrics(uint64_t block, const pb::PushHeader& header, Payload floats) {
  metrics_.erase(metrics_.begin(), metrics_.lower_bound(store_.version(block)));
  if (header.step() < store_.version(block)) return;
  metrics_[header.step()].Add(job_.tree, NodeOf(header), std::move(floats), store_.pool());
  touched_ = std::max(touched_, header.step());
  for (auto first = metrics_.begin();
       first != metrics_.end() && first->first == store_.version(block) &&
       first->second.complete(job_.tree);
       first = metrics_.erase(first)) {
    store_.Apply(block, first->second.Take(), UpdateStep());
  }
}

// One walk: how many blocks have each minibatch.
std::vector<uint64_t> Minibatches::Done() const {
  const uint64_t slices = job_.spec.virtual_workers;
  const BlockRange range = store_.range();
  const uint64_t lowest = store_.LowestVersion();
  uint64_t end = std::max(touched_, lowest);
  for (uint64_t block = range.begin; block < range.end; ++block) {
    end = std::max(end, store_.version(block));
  }
  end = std::min(end, lowest + kMostTold / slices + 1);
  std::vector<uint64_t> passed(end - lowest + 1, 0);  // by step: blocks whose version it is
  std::vector<uint64_t> holders((end - lowest) * slices, 0);
  const auto add = [&](uint64_t minibatch) {
    const uint64_t place = minibatch - lowest * slices;
    if (place < holders.size()) ++holders[place];
  };
  for (uint64_t block = range.begin; block < range.end; ++block) {
    ++passed[std::min(store_.version(block), end) - lowest];
    if (job_.grid.kind(block) != TensorKind::kSum) {
      for (const uint64_t minibatch : store_.ledger(block).List()) add(minibatch);
      continue;
    }
    for (auto sum = metrics_.lower_bound(store_.version(block)); sum != metrics_.end(); ++sum) {
      for (uint32_t slice = 0; slice < slices; ++slice) {
        if (sum->second.Covers({slice, slice + 1})) add(sum->first * slices + slice);
      }
    }
  }
  std::vector<uint64_t> done;
  uint64_t beyond = range.size();  // blocks whose version is after the step
  for (uint64_t step = lowest; step < end; ++step) {
    beyond -= passed[step - lowest];
    for (uint64_t m = step * slices; m < (step + 1) * slices; ++m) {
      if (beyond + holders[m - lowest * slices] == range.size()) done.push_back(m);
    }
  }
  return done;
}

}  // namespace paracord
