#include "scheduler/elastic.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/drain.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/resize.h"
#include "scheduler/slots.h"
#include "scheduler/stragglers.h"

namespace paracord {
namespace {

constexpr Duration kResizePeriod = seconds(2);

bool MayGrow(const Job& job, Moment now) {
  return job.Steady() && now.at >= job.resized_at + kResizePeriod;
}

// Tasks that a running job must have and has not.
uint32_t Missing(const Job& job) {
  if (!job.training() || job.status().has_first_failure()) return 0;
  uint32_t lost = 0;
  for (uint32_t rank : job.LostRanks()) lost += !job.FindSlot(rank)->backup();
  if (job.Ending()) return lost;
  const uint32_t left = TaskCount(job.plan()) - lost;
  return job.needs.min_workers() - std::min(job.needs.min_workers(), left);
}

void Resize(Job& job, const pb::Plan& plan, const std::string& why, Moment now) {
  job.resized_at = now.at;
  job.Publish(plan, why, now);
}

std::set<Place> PlacesOf(const Candidates& candidates) {
  std::set<Place> places;
  for (const Candidate& candidate : candidates) places.insert(candidate.place);
  return places;
}

uint32_t FreeSoonIn(const Candidates& candidates, const Resources& resources) {
  uint32_t free = 0;
  for (const Candidate& candidate : candidates) {
    free += resources.FreeSoon(*candidate.worker, candidate.place);
  }
  return free;
}

// The youngest first.
std::vector<Job*> Givers(const JobTable& table) {
  std::vector<Job*> jobs;
  for (auto it = table.jobs().rbegin(); it != table.jobs().rend(); ++it) {
    if (it->second->Steady()) jobs.push_back(it->second.get());
  }
  return jobs;
}

// What each of `jobs` has to give so that `candidates` have room for `tasks`; nullopt: there is no
// way.
std::optional<std::vector<std::set<uint32_t>>> WayToRoom(const std::vector<Job*>& jobs,
                                                         const Candidates& candidates,
                                                         uint32_t tasks,
                                                         const Resources& resources) {
  std::vector<Giver> givers;
  givers.reserve(jobs.size());
  for (const Job* job : jobs) givers.push_back({&job->plan(), job->needs.min_workers()});
  const uint32_t needed = tasks - std::min(tasks, FreeSoonIn(candidates, resources));
  auto given = GiveBack(givers, {PlacesOf(candidates), needed});
  size_t sum = 0;
  for (const std::set<uint32_t>& ranks : given) sum += ranks.size();
  if (sum < needed) return std::nullopt;
  return given;
}

void Give(const std::vector<Job*>& jobs, const std::vector<std::set<uint32_t>>& given,
          const std::string& taker, Moment now) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (given[i].empty()) continue;
    Resize(*jobs[i], ShrinkPlan(jobs[i]->plan(), given[i]),
           absl::StrCat("gives the slot of task ", absl::StrJoin(given[i], ", "), " to ", taker),
           now);
  }
}

void GiveToRunning(const Situation& situation) {
  for (const auto& [order, job] : situation.table.jobs()) {
    const uint32_t missing = Missing(*job) + Stuck(*job, situation.table.draining());
    if (missing == 0) continue;
    const Resources resources = situation.Available();
    const Candidates candidates = SlotsFor(job->plan(), {}, resources);
    const std::vector<Job*> givers = Givers(situation.table);
    // Some of them are better than none.
    for (uint32_t tasks = missing; tasks > 0; --tasks) {
      const auto given = WayToRoom(givers, candidates, tasks, resources);
      if (!given.has_value()) continue;
      Give(givers, *given, job->id(), situation.now);
      break;
    }
  }
}

// True: there is a way to the slots it needs, which nobody else may take.
bool GiveToPending(const Situation& situation, const Job& pending, bool only_slots) {
  const Resources resources = Unclaimed(situation);
  const std::vector<Job*> givers = Givers(situation.table);
  const uint32_t tasks = pending.needs.min_workers();
  const DeviceKind device = DeviceFor(pending.needs.device(), tasks, resources);
  for (const Candidates& group : SlotGroups(device, resources)) {
    const auto given = WayToRoom(givers, group, tasks, resources);
    if (!given.has_value()) continue;
    if (only_slots) Give(givers, *given, pending.id(), situation.now);
    return true;
  }
  return false;
}

void GrowOn(Job& job, const Situation& situation) {
  if (!MayGrow(job, situation.now)) return;
  const uint32_t tasks = TaskCount(job.plan());
  const bool backup = job.needs.consistency().backup > BackupCount(job.plan()) &&
                      BackupCount(job.plan()) < tasks && situation.now.at >= job.backups_at;
  Planned planned;
  if (tasks < job.needs.workers()) {
    planned = GrowPlan(job.plan(), job.needs.workers() - tasks, Unclaimed(situation));
  } else if (backup) {
    planned = BackupPlan(job.plan(), job.needs.consistency().backup, SlowestFirst(job),
                         Unclaimed(situation));
  }
  if (planned.plan.has_value()) Resize(job, *planned.plan, planned.why, situation.now);
}

}  // namespace

void GrowBack(Job& job, const Situation& situation, std::vector<pb::Wait>& waits) {
  if (Missing(job) == 0 || !job.LostRanks().empty()) return;
  const Resources resources = situation.Available();
  if (MayGrow(job, situation.now)) {
    const Planned planned = GrowPlan(job.plan(), Missing(job), resources);
    if (planned.plan.has_value()) Resize(job, *planned.plan, planned.why, situation.now);
  }
  uint32_t missing = Missing(job);
  for (uint32_t rank = 0; missing > 0; ++rank) {
    if (job.FindSlot(rank) != nullptr) continue;
    waits.push_back(WaitForSlot(job.plan(), rank, resources));
    --missing;
  }
}

Resources Unclaimed(const Situation& situation) {
  Resources resources = situation.Available();
  for (const auto& [order, job] : situation.table.jobs()) {
    const uint32_t missing = Missing(*job) + Stuck(*job, situation.table.draining());
    if (missing == 0) continue;
    Candidates candidates = SlotsFor(job->plan(), job->LostRanks(), resources);
    for (uint32_t i = 0; i < missing; ++i) {
      const Candidate* taken = Take(candidates);
      if (taken != nullptr) resources.usage.slots[taken->place].push_back(job->id());
    }
  }
  return resources;
}

void ShareSlots(const Situation& situation, Job* blocking, bool only_slots) {
  GiveToRunning(situation);
  if (blocking != nullptr && GiveToPending(situation, *blocking, only_slots)) return;
  for (const auto& [order, job] : situation.table.jobs()) GrowOn(*job, situation);
}

}  // namespace paracord
