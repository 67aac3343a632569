#include "scheduler/drain.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "scheduler/compute_class.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/slots.h"

namespace paracord {
namespace {

constexpr size_t kMaxListed = 20;
constexpr const char* kScheduler = "scheduler";  // as `nodes` calls it

// Ranks on workers that are being drained: those of backups, or the others.
std::set<uint32_t> RanksOn(const pb::Plan& plan, const std::set<std::string>& draining,
                           bool backups) {
  std::set<uint32_t> ranks;
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.backup() == backups && draining.count(slot.worker()) > 0) ranks.insert(slot.rank());
  }
  return ranks;
}

// Takes from `ranks` those that have a slot elsewhere now.
void Move(std::set<uint32_t>& ranks, const Resources& resources, pb::Plan& plan,
          std::vector<std::string>& reasons) {
  Candidates candidates = SlotsFor(plan, {}, resources);
  while (!ranks.empty()) {
    const Candidate* taken = Take(candidates);
    if (taken == nullptr) return;
    pb::TaskSlot& slot = *FindTask(plan, *ranks.begin());
    reasons.push_back(absl::StrCat("task ", slot.rank(), " moves from ", PlaceString(PlaceOf(slot)),
                                   " to ", PlaceString(taken->place)));
    PutOn(*taken->worker, taken->place, slot);
    slot.set_incarnation(slot.incarnation() + 1);
    ranks.erase(ranks.begin());
  }
}

// Takes from `ranks` those that the job can do without, the highest first.
void GiveUp(std::set<uint32_t>& ranks, uint32_t least, pb::Plan& plan,
            std::vector<std::string>& reasons) {
  const uint32_t tasks = TaskCount(plan), virtual_workers = VirtualWorkersOf(plan);
  std::set<uint32_t> given;
  while (!ranks.empty() && given.size() + least < tasks)
    given.insert(ranks.extract(*ranks.rbegin()));
  if (given.empty()) return;
  for (uint32_t rank : given) {
    reasons.push_back(absl::StrCat(FindTask(plan, rank)->worker(), " is being drained: the others ",
                                   "compute what task ", rank, " did"));
  }
  RemoveTasks(plan, given);
  CutEvenly(plan, virtual_workers);
}

// One a worker: how many slots its tasks need.
std::vector<pb::Wait> WaitsFor(const std::set<uint32_t>& ranks, const pb::Plan& plan,
                               const Resources& resources) {
  std::map<std::string, uint32_t> tasks;
  for (uint32_t rank : ranks) ++tasks[FindTask(plan, rank)->worker()];
  const std::string busy = BusyString(resources, plan.compute().device() == kCuda);
  std::vector<pb::Wait> waits;
  for (const auto& [worker, count] : tasks) {
    waits.push_back(MakeWait(
        plan.job(), absl::StrCat(worker, " is being drained; ", count, " free slots needed, ",
                                 "computing as ", ClassString(plan.compute()),
                                 busy.empty() ? "" : absl::StrCat(" (", busy, ")"))));
  }
  return waits;
}

absl::Status NoNode(const std::string& id, const Membership& members) {
  std::vector<std::string> ids = {kScheduler};
  for (const auto& [name, member] : members.all()) ids.push_back(name);
  const size_t more = ids.size() - std::min(ids.size(), kMaxListed);
  ids.resize(ids.size() - more);
  return absl::NotFoundError(absl::StrCat("no node '", id, "'; there are ",
                                          absl::StrJoin(ids, ", "),
                                          more > 0 ? absl::StrCat(" and ", more, " others") : ""));
}

uint32_t TasksOn(const std::string& worker, const JobTable& table) {
  uint32_t tasks = 0;
  for (const auto& [order, job] : table.jobs()) {
    if (!job->training()) continue;
    for (const pb::TaskSlot& slot : job->plan().tasks()) {
      tasks += slot.worker() == worker && job->NeedsSlot(slot);
    }
  }
  return tasks;
}

absl::Status CheckIsWorker(const std::string& id, const Membership& members,
                           const JobTable& table) {
  const KnownMember* member = members.Find(id);
  // Who is away, as everybody is right after the scheduler's start, is known by orders and plans.
  if (member == nullptr && (table.IsDraining(id) || TasksOn(id, table) > 0)) {
    return absl::OkStatus();
  }
  if (member == nullptr && id == kScheduler) {
    return absl::FailedPreconditionError(
        "the scheduler has no tasks to move: only workers are "
        "drained. Training goes on while it is stopped");
  }
  if (member == nullptr) return NoNode(id, members);
  if (member->who.role() == pb::WORKER) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      id,
      " is a server, and what it keeps does not move: only workers are drained. Stop it in "
      "order (SIGTERM): its jobs wait, and go on with what it had when it is started again "
      "with its directory, on whatever host"));
}

}  // namespace

Planned DrainPlan(const pb::Plan& last, uint32_t least, const Resources& resources) {
  Planned planned;
  pb::Plan plan = last;
  std::vector<std::string> reasons;
  const std::set<uint32_t> backups = RanksOn(plan, resources.draining, true);
  RemoveTasks(plan, backups);
  for (uint32_t rank : backups) {
    reasons.push_back(
        absl::StrCat(FindTask(last, rank)->worker(), " is being drained: backup ", rank, " goes"));
  }
  std::set<uint32_t> ranks = RanksOn(plan, resources.draining, false);
  Move(ranks, resources, plan, reasons);
  GiveUp(ranks, least, plan, reasons);
  planned.waits = WaitsFor(ranks, plan, resources);
  if (reasons.empty()) return planned;
  plan.set_number(last.number() + 1);
  planned.plan = std::move(plan);
  planned.why = absl::StrJoin(reasons, ", ");
  return planned;
}

void MoveAway(Job& job, const Situation& situation, std::vector<pb::Wait>& waits) {
  if (!job.Steady() || situation.table.draining().empty()) return;
  const Planned planned = DrainPlan(job.plan(), job.needs.min_workers(), situation.Available());
  waits.insert(waits.end(), planned.waits.begin(), planned.waits.end());
  if (!planned.plan.has_value()) return;
  job.resized_at = situation.now.at;
  job.Publish(*planned.plan, planned.why, situation.now);
}

uint32_t Stuck(const Job& job, const std::set<std::string>& draining) {
  if (!job.Steady() || draining.empty()) return 0;
  return static_cast<uint32_t>(RanksOn(job.plan(), draining, false).size());
}

absl::StatusOr<pb::DrainReply> OrderDrain(const pb::DrainRequest& request,
                                          const Membership& members, JobTable& table) {
  RETURN_IF_ERROR(CheckIsWorker(request.id(), members, table));
  table.SetDraining(request.id(), request.draining());
  pb::DrainReply reply;
  reply.set_draining(request.draining());
  if (request.draining()) reply.set_tasks(TasksOn(request.id(), table));
  LogInfo(request.id(), request.draining()
                            ? absl::StrCat(" is being drained, ", reply.tasks(), " tasks to move")
                            : " gets tasks again");
  return reply;
}

}  // namespace paracord
