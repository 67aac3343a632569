#include "scheduler/resize.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/slots.h"

namespace paracord {
namespace {

pb::Plan NumberedAfter(const pb::Plan& last) {
  pb::Plan plan = last;
  plan.set_number(last.number() + 1);
  return plan;
}

// The ranks that a job gives up first, in that order: backups, then the highest.
std::vector<const pb::TaskSlot*> InGivingOrder(const pb::Plan& plan) {
  std::vector<const pb::TaskSlot*> slots;
  for (const pb::TaskSlot& slot : plan.tasks()) slots.push_back(&slot);
  std::sort(slots.begin(), slots.end(), [](const auto* a, const auto* b) {
    return std::make_pair(a->backup(), a->rank()) > std::make_pair(b->backup(), b->rank());
  });
  return slots;
}

}  // namespace

Planned GrowPlan(const pb::Plan& last, uint32_t more, const Resources& resources) {
  Planned planned;
  pb::Plan plan = NumberedAfter(last);
  const uint32_t virtual_workers = VirtualWorkersOf(last);
  Candidates candidates = SlotsFor(last, {}, resources);
  std::vector<std::string> added;
  for (; more > 0; --more) {
    const Candidate* taken = Take(candidates);
    if (taken == nullptr) break;
    const uint32_t rank = AddTask(plan, *taken->worker, taken->place).rank();
    added.push_back(absl::StrCat("task ", rank, " joins on ", PlaceString(taken->place)));
  }
  if (added.empty()) return planned;
  CutEvenly(plan, virtual_workers);
  planned.plan = std::move(plan);
  planned.why = absl::StrJoin(added, ", ");
  return planned;
}

Planned BackupPlan(const pb::Plan& last, uint32_t backups, const std::vector<uint32_t>& slowest,
                   const Resources& resources) {
  Planned planned;
  pb::Plan plan = NumberedAfter(last);
  Candidates candidates = SlotsFor(last, {}, resources);
  std::vector<std::string> added;
  while (BackupCount(plan) < std::min<size_t>(backups, slowest.size())) {
    const Candidate* taken = Take(candidates);
    if (taken == nullptr) break;
    const uint32_t slow = FirstWithoutBackup(plan, slowest);
    pb::TaskSlot& slot = AddTask(plan, *taken->worker, taken->place);
    slot.set_backup(true);
    added.push_back(absl::StrCat("backup ", slot.rank(), " on ", PlaceString(taken->place),
                                 " computes what task ", slow, " does"));
    Shadow(plan, slot.rank(), slow);
  }
  if (added.empty()) return planned;
  planned.plan = std::move(plan);
  planned.why = absl::StrJoin(added, ", ");
  return planned;
}

pb::Plan ShrinkPlan(const pb::Plan& last, const std::set<uint32_t>& ranks) {
  pb::Plan plan = NumberedAfter(last);
  const uint32_t virtual_workers = VirtualWorkersOf(last), tasks = TaskCount(last);
  RemoveTasks(plan, ranks);
  if (TaskCount(plan) < tasks) CutEvenly(plan, virtual_workers);
  return plan;
}

std::set<uint32_t> RanksOver(const pb::Plan& plan, uint32_t tasks, uint32_t backups) {
  uint32_t tasks_over = TaskCount(plan) - std::min(TaskCount(plan), tasks);
  uint32_t backups_over = BackupCount(plan) - std::min(BackupCount(plan), backups);
  std::set<uint32_t> ranks;
  for (const pb::TaskSlot* slot : InGivingOrder(plan)) {
    uint32_t& over = slot->backup() ? backups_over : tasks_over;
    if (over == 0) continue;
    --over;
    ranks.insert(slot->rank());
  }
  return ranks;
}

std::vector<std::set<uint32_t>> GiveBack(const std::vector<Giver>& givers, const Claim& claim) {
  std::vector<std::set<uint32_t>> given;
  uint32_t needed = claim.needed;
  for (const Giver& giver : givers) {
    std::set<uint32_t>& ranks = given.emplace_back();
    const uint32_t tasks = TaskCount(*giver.plan);
    uint32_t spare = tasks - std::min(tasks, giver.keeps);
    for (const pb::TaskSlot* slot : InGivingOrder(*giver.plan)) {
      const bool may = slot->backup() || spare > 0;
      if (needed == 0 || !may || claim.places.count(PlaceOf(*slot)) == 0) continue;
      if (!slot->backup()) --spare;
      --needed;
      ranks.insert(slot->rank());
    }
  }
  return given;
}

}  // namespace paracord
