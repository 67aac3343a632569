#include "scheduler/reconcile.h"

#include <iterator>
#include <utility>

#include "common/base/status.h"
#include "common/base/units.h"
#include "scheduler/held_memory.h"
#include "scheduler/job_status.h"
#include "scheduler/planner.h"
#include "scheduler/shard_reports.h"
#include "scheduler/task_reports.h"

namespace paracord {
namespace {

Resources ResourcesOf(const JobTable& table, const Membership& members, uint32_t min_servers) {
  return {members.Ready(pb::SERVER), members.Ready(pb::WORKER), min_servers,
          table.UsageOf(members)};
}

void Run(Job& job, const JobTable& table, const Membership& members, uint32_t min_servers,
         Moment now) {
  CheckTasks(job, members, now);
  ShardFindings findings = CheckShards(job, members, now);
  const bool replan = job.training() && !job.status().has_first_failure();
  const std::set<uint32_t> lost = job.LostRanks();
  if (replan && (!lost.empty() || !findings.returned.empty())) {
    Planned planned =
        NextPlan(job.plan(), lost, findings.returned, ResourcesOf(table, members, min_servers));
    for (const std::string& server : findings.returned) job.ForgetStop(server);
    if (planned.plan.has_value()) job.Publish(*planned.plan, planned.why, now);
    findings.waits.insert(findings.waits.end(), std::make_move_iterator(planned.waits.begin()),
                          std::make_move_iterator(planned.waits.end()));
  }
  if (job.running()) job.waits = MergeWaits(job.waits, std::move(findings.waits), now);
}

// True: it has started.
bool TryStart(Job& job, const JobTable& table, const Membership& members, uint32_t min_servers,
              Moment now) {
  Planned planned = FirstPlan(job.id(), job.needs, ResourcesOf(table, members, min_servers));
  job.waits = MergeWaits(job.waits, std::move(planned.waits), now);
  if (!planned.plan.has_value()) return false;
  planned.plan->set_cluster(table.cluster());
  job.Publish(*planned.plan, planned.why, now);
  return true;
}

}  // namespace

void Reconcile(const JobTable& table, const Membership& members, uint32_t min_servers, Moment now) {
  // Also ended jobs: their last processes and shards are watched until slots and memory are free.
  for (const auto& [order, job] : table.jobs()) {
    if (job->running()) {
      Run(*job, table, members, min_servers, now);
    } else if (!job->leaving.empty()) {
      CheckTasks(*job, members, now);
    }
    if (job->ended()) CheckHeldMemory(*job, members);
  }
  const Job* blocking = nullptr;
  for (const auto& [order, job] : table.jobs()) {
    if (!job->pending()) continue;
    if (blocking != nullptr) {
      job->waits = MergeWaits(
          job->waits,
          {MakeWait(job->id(), absl::StrCat("behind job ", blocking->id(), " in the queue"))}, now);
    } else if (!TryStart(*job, table, members, min_servers, now)) {
      blocking = job.get();
    }
  }
}

absl::Status CheckEverFits(const Job& job, const Membership& members, uint32_t min_servers) {
  const auto servers = members.Ready(pb::SERVER);
  if (servers.empty() || servers.size() < min_servers) return absl::OkStatus();
  uint64_t budget = 0;
  for (const KnownMember* server : servers) budget += server->who.memory_bytes();
  if (job.needs.total_bytes() <= budget) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the job needs ", FormatBytes(job.needs.total_bytes()),
      " of memory on servers (3 copies of the weights and the optimizer's state); the ",
      servers.size(), " servers have ", FormatBytes(budget), " together"));
}

}  // namespace paracord
