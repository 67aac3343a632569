#include "scheduler/reconcile.h"

#include <iterator>
#include <utility>

#include "common/base/status.h"
#include "common/base/units.h"
#include "scheduler/checkpoints.h"
#include "scheduler/drain.h"
#include "scheduler/elastic.h"
#include "scheduler/held_memory.h"
#include "scheduler/job_status.h"
#include "scheduler/origin.h"
#include "scheduler/planner.h"
#include "scheduler/recovery.h"
#include "scheduler/shard_reports.h"
#include "scheduler/stragglers.h"
#include "scheduler/task_reports.h"

namespace paracord {
namespace {

// What follows from what has changed: what can be placed and taken over is, the rest is waited for.
void Replan(Job& job, const Situation& situation, ServerFindings& findings) {
  const Changes changes{job.LostRanks(), findings.returned, job.Ending()};
  Planned planned = NextPlan(job.plan(), changes, situation.Available());
  for (const std::string& server : findings.returned) job.ForgetStop(server);
  if (planned.plan.has_value()) job.Publish(*planned.plan, planned.why, situation.now);
  findings.waits.insert(findings.waits.end(), std::make_move_iterator(planned.waits.begin()),
                        std::make_move_iterator(planned.waits.end()));
}

void FollowServers(Job& job, const Situation& situation) {
  ServerFindings findings = CheckServers(job, situation);
  if (job.running() && !job.status().has_first_failure()) {
    if (!findings.back.empty()) {
      GoBack(job, findings, situation);
    } else if (job.training() && (!job.LostRanks().empty() || !findings.returned.empty())) {
      Replan(job, situation, findings);
    }
    if (job.training()) MoveAway(job, situation, findings.waits);
    if (job.training()) GrowBack(job, situation, findings.waits);
  }
  if (job.running()) job.waits = MergeWaits(job.waits, std::move(findings.waits), situation.now);
}

void Run(Job& job, const Situation& situation) {
  CheckTasks(job, situation.members, situation.now);
  if (!job.running()) return;
  TakeStaleness(job, situation.members);
  CheckCheckpoints(job, situation.members, situation.now);
  const bool finished = job.plan().phase() == pb::Plan::FINISHED;
  const pb::StoredStep* last =
      finished ? FindCheckpoint(job, job.plan().history(), job.plan().step()) : nullptr;
  if (last != nullptr) {
    auto waits = AwaitCopy(job, *last, situation.members, situation.now);
    if (waits.empty()) return job.Succeed(situation.now);
    job.waits = MergeWaits(job.waits, std::move(waits), situation.now);
    return;
  }
  FollowServers(job, situation);
}

// What is missing for it; nothing: it has started.
Planned TryStart(Job& job, const Situation& situation) {
  Planned planned = FirstPlan(job.id(), job.needs, Unclaimed(situation));
  job.waits = MergeWaits(job.waits, planned.waits, situation.now);
  if (!planned.plan.has_value()) return planned;
  planned.plan->set_cluster(situation.table.cluster());
  if (job.record.has_first_origin()) {
    *planned.plan->mutable_origin() = job.record.first_origin();
    const auto waits = LocateParts(situation.Available(), planned.plan->mutable_origin());
    job.waits = MergeWaits(job.waits, waits, situation.now);
    if (!waits.empty()) return planned;
  }
  job.Publish(*planned.plan, planned.why, situation.now);
  return Planned();
}

void StartPending(const Situation& situation) {
  Job* blocking = nullptr;
  bool only_slots = false;
  for (const auto& [order, job] : situation.table.jobs()) {
    if (!job->pending()) continue;
    if (blocking != nullptr) {
      job->waits = MergeWaits(
          job->waits,
          {MakeWait(job->id(), absl::StrCat("behind job ", blocking->id(), " in the queue"))},
          situation.now);
      continue;
    }
    const Planned planned = TryStart(*job, situation);
    if (!job->pending()) continue;
    blocking = job.get();
    only_slots = planned.lacks_slots && planned.waits.size() == 1;
  }
  ShareSlots(situation, blocking, only_slots);
}

}  // namespace

void Reconcile(const Situation& situation) {
  const auto& [table, members, min_servers, grace, now] = situation;
  // Also ended jobs: their last processes and shards are watched until slots and memory are free.
  for (const auto& [order, job] : table.jobs()) {
    if (job->running()) {
      Run(*job, situation);
    } else if (!job->leaving.empty()) {
      CheckTasks(*job, members, now);
    }
    if (job->ended()) CheckHeldMemory(*job, members);
  }
  StartPending(situation);
  for (const auto& [order, job] : table.jobs()) HelpSlowTasks(*job, now);
}

absl::Status CheckEverFits(const Job& job, const Membership& members, uint32_t min_servers) {
  const auto servers = members.Ready(pb::SERVER);
  if (servers.empty() || servers.size() < min_servers) return absl::OkStatus();
  uint64_t budget = 0;
  for (const KnownMember* server : servers) budget += server->who.memory_bytes();
  if (job.needs.total_bytes() <= budget) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the job needs ", FormatBytes(job.needs.total_bytes()),
      " of memory on servers (3 copies of the weights, 2 of the optimizer's state); the ",
      servers.size(), " servers have ", FormatBytes(budget), " together"));
}

}  // namespace paracord
