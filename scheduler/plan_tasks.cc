#include "scheduler/plan_tasks.h"

#include <algorithm>

#include "common/job/sampler.h"

namespace paracord {

const pb::TaskSlot* FindTask(const pb::Plan& plan, uint32_t rank) {
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.rank() == rank) return &slot;
  }
  return nullptr;
}

pb::TaskSlot* FindTask(pb::Plan& plan, uint32_t rank) {
  for (pb::TaskSlot& slot : *plan.mutable_tasks()) {
    if (slot.rank() == rank) return &slot;
  }
  return nullptr;
}

std::vector<uint32_t> RanksOf(const pb::Plan& plan) {
  std::vector<uint32_t> ranks;
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (!slot.backup()) ranks.push_back(slot.rank());
  }
  return ranks;
}

uint32_t TaskCount(const pb::Plan& plan) { return static_cast<uint32_t>(RanksOf(plan).size()); }

uint32_t BackupCount(const pb::Plan& plan) {
  return static_cast<uint32_t>(plan.tasks_size()) - TaskCount(plan);
}

uint32_t VirtualWorkersOf(const pb::Plan& plan) {
  uint32_t end = 0;
  for (const pb::TaskSlot& slot : plan.tasks()) end = std::max(end, slot.end());
  return end;
}

void PutOn(const KnownMember& worker, const Place& place, pb::TaskSlot& slot) {
  slot.set_worker(worker.name());
  slot.set_worker_incarnation(worker.who.incarnation());
  slot.clear_gpu();
  if (place.gpu) slot.set_gpu(*place.gpu);
}

pb::TaskSlot& AddTask(pb::Plan& plan, const KnownMember& worker, const Place& place) {
  uint32_t rank = 0;
  while (FindTask(plan, rank) != nullptr) ++rank;
  pb::TaskSlot* slot = plan.add_tasks();
  slot->set_rank(rank);
  PutOn(worker, place, *slot);
  slot->set_incarnation(plan.number());
  auto& tasks = *plan.mutable_tasks();
  std::sort(tasks.begin(), tasks.end(),
            [](const auto& a, const auto& b) { return a.rank() < b.rank(); });
  return *FindTask(plan, rank);
}

void RemoveTasks(pb::Plan& plan, const std::set<uint32_t>& ranks) {
  auto* tasks = plan.mutable_tasks();
  const auto kept = std::remove_if(tasks->begin(), tasks->end(), [&](const pb::TaskSlot& slot) {
    return ranks.count(slot.rank()) > 0;
  });
  tasks->erase(kept, tasks->end());
}

void Cut(pb::Plan& plan, const std::vector<uint32_t>& counts) {
  const std::map<uint32_t, uint32_t> shadows = Shadows(plan);
  size_t next = 0;
  uint32_t begin = 0;
  for (pb::TaskSlot& slot : *plan.mutable_tasks()) {
    const uint32_t count = slot.backup() ? 0 : counts[next++];
    slot.set_begin(slot.backup() ? 0 : begin);
    slot.set_end(slot.backup() ? 0 : begin + count);
    begin += count;
  }
  for (const auto& [backup, rank] : shadows) Shadow(plan, backup, rank);
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (!slot.backup() || slot.end() > 0) continue;
    Shadow(plan, slot.rank(), FirstWithoutBackup(plan, RanksOf(plan)));
  }
}

void CutEvenly(pb::Plan& plan, uint32_t virtual_workers) {
  const uint32_t tasks = TaskCount(plan);
  std::vector<uint32_t> counts;
  for (uint32_t i = 0; i < tasks; ++i) {
    const auto [begin, end] = SliceOf(virtual_workers, tasks, i);
    counts.push_back(static_cast<uint32_t>(end - begin));
  }
  Cut(plan, counts);
}

std::map<uint32_t, uint32_t> Shadows(const pb::Plan& plan) {
  std::map<uint32_t, uint32_t> shadows;
  for (const pb::TaskSlot& backup : plan.tasks()) {
    if (!backup.backup()) continue;
    for (const pb::TaskSlot& slot : plan.tasks()) {
      const bool same = slot.begin() == backup.begin() && slot.end() == backup.end();
      if (!slot.backup() && same) shadows.emplace(backup.rank(), slot.rank());
    }
  }
  return shadows;
}

uint32_t FirstWithoutBackup(const pb::Plan& plan, const std::vector<uint32_t>& ranks) {
  std::set<uint32_t> taken;
  for (const auto& [backup, rank] : Shadows(plan)) taken.insert(rank);
  for (uint32_t rank : ranks) {
    if (taken.count(rank) == 0) return rank;
  }
  return ranks.front();
}

void Shadow(pb::Plan& plan, uint32_t backup, uint32_t rank) {
  const pb::TaskSlot& target = *FindTask(plan, rank);
  pb::TaskSlot& slot = *FindTask(plan, backup);
  slot.set_begin(target.begin());
  slot.set_end(target.end());
}

}  // namespace paracord
