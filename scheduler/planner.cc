#include "scheduler/planner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/units.h"
#include "common/rpc/consistency_message.h"
#include "scheduler/compute_class.h"
#include "scheduler/gpu_needs.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/slots.h"

namespace paracord {
namespace {

constexpr size_t kNamedJobs = 3;  // in one line for people

std::string SlotsMissing(const JobNeeds& needs, DeviceKind device, const Resources& resources,
                         uint32_t free) {
  const bool joined = !resources.workers.empty();
  if (device == DeviceKind::kCuda && joined) {
    return GpusMissing(needs.min_workers(), free, resources);
  }
  const std::string where = needs.device() == DeviceKind::kCuda  ? " on a GPU"
                            : needs.device() == DeviceKind::kCpu ? " on a CPU"
                                                                 : "";
  std::string what =
      absl::StrCat(needs.min_workers(), " free slots", where, " needed, ", free, " free");
  if (!joined) return absl::StrCat(what, ": no worker has joined");
  const std::string busy = WhyNoSlot(resources, false);
  if (!busy.empty()) absl::StrAppend(&what, " (", busy, ")");
  return what;
}

void PlaceGang(JobNeeds& needs, const Resources& resources, Planned& planned, pb::Plan& plan) {
  uint32_t most_free = 0;
  const DeviceKind device = DeviceFor(needs.device(), needs.min_workers(), resources);
  for (Candidates& group : SlotGroups(device, resources)) {
    const uint32_t free = FreeIn(group);
    most_free = std::max(most_free, free);
    if (free < needs.min_workers()) continue;
    for (uint32_t i = 0; i < std::min(free, needs.workers()); ++i) {
      const Candidate& taken = *Take(group);
      AddTask(plan, *taken.worker, taken.place);
      const pb::ComputeClass& compute = ComputeAt(*taken.worker, taken.place.gpu);
      if (i == 0 || IsaRank(compute.isa()) < IsaRank(plan.compute().isa())) {
        *plan.mutable_compute() = compute;
      }
    }
    return CutEvenly(plan, needs.virtual_workers());
  }
  planned.lacks_slots = true;
  planned.waits.push_back(MakeWait(plan.job(), SlotsMissing(needs, device, resources, most_free)));
}

void WaitForServers(const std::string& job, const Resources& resources, Planned& planned) {
  std::vector<std::string> names;
  for (const KnownMember* server : resources.servers) names.push_back(server->name());
  planned.waits.push_back(MakeWait(
      job, absl::StrCat(std::max(1u, resources.min_servers), " servers needed, ", names.size(),
                        " ready", names.empty() ? "" : ": ", absl::StrJoin(names, ", "))));
}

// Ended jobs that these servers have not freed yet, the first few of each.
std::string HeldString(const std::vector<const KnownMember*>& servers, const Resources& resources) {
  std::vector<std::string> parts;
  for (const KnownMember* server : servers) {
    const auto held = resources.usage.held.find(server->name());
    if (held == resources.usage.held.end() || held->second.empty()) continue;
    const size_t named = std::min(held->second.size(), kNamedJobs);
    parts.push_back(absl::StrCat(
        server->name(), " has not freed ",
        absl::StrJoin(held->second.begin(), held->second.begin() + static_cast<long>(named), ", "),
        named < held->second.size()
            ? absl::StrCat(" and ", held->second.size() - named, " other jobs yet")
            : " yet"));
  }
  return parts.empty() ? "" : absl::StrCat(" (", absl::StrJoin(parts, "; "), ")");
}

// The whole sum first: a model that cannot fit anyhow is never laid out in blocks.
bool FitsTogether(const std::string& job, const JobNeeds& needs, const Resources& resources,
                  Planned& planned) {
  uint64_t free = 0, all = 0;
  for (const KnownMember* server : resources.servers) {
    free += resources.FreeMemory(*server);
    all += server->who.memory_bytes();
  }
  if (needs.total_bytes() <= free) return true;
  planned.waits.push_back(
      MakeWait(job, absl::StrCat(FormatBytes(needs.total_bytes()), " of memory on servers needed, ",
                                 FormatBytes(free), " of ", FormatBytes(all), " free",
                                 HeldString(resources.servers, resources))));
  return false;
}

void CutShards(JobNeeds& needs, const Resources& resources, Planned& planned, pb::Plan& plan) {
  if (!FitsTogether(plan.job(), needs, resources, planned)) return;
  const std::vector<ShardNeed> cut = needs.Cut(static_cast<uint32_t>(resources.servers.size()));
  for (size_t i = 0; i < cut.size(); ++i) {
    const KnownMember& server = *resources.servers[i];
    const uint64_t free = resources.FreeMemory(server);
    if (cut[i].bytes > free) {
      planned.waits.push_back(MakeWait(
          plan.job(),
          absl::StrCat(FormatBytes(cut[i].bytes), " of memory on ", server.name(), " needed, ",
                       FormatBytes(free), " of ", FormatBytes(server.who.memory_bytes()), " free",
                       HeldString({&server}, resources))));
    }
    pb::ShardRange* shard = plan.add_shards();
    shard->set_index(static_cast<uint32_t>(i));
    shard->set_server(server.name());
    shard->set_incarnation(server.who.incarnation());
    shard->set_address(server.who.address());
    shard->set_block_begin(cut[i].range.begin);
    shard->set_block_end(cut[i].range.end);
  }
}

// Where a lost task goes: the same place if it can, else on the same worker, else as in a first
// plan. Null: nowhere.
const Candidate* PlaceAgain(const pb::TaskSlot& slot, Candidates& candidates) {
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    if (candidate.place.worker != slot.worker() || candidate.free == 0) continue;
    if (best == nullptr || candidate.place == PlaceOf(slot)) best = &candidate;
  }
  if (best == nullptr) return Take(candidates);
  --best->free;
  ++best->own;
  return best;
}

// The ranks among `lost` that have no slot.
std::set<uint32_t> PlaceLost(const std::set<uint32_t>& lost, const Resources& resources,
                             pb::Plan& plan, std::vector<std::string>& reasons) {
  Candidates candidates = SlotsFor(plan, lost, resources);
  std::set<uint32_t> nowhere;
  for (uint32_t rank : lost) {
    pb::TaskSlot& slot = *FindTask(plan, rank);
    const Candidate* taken = PlaceAgain(slot, candidates);
    if (taken == nullptr) {
      nowhere.insert(rank);
      continue;
    }
    PutOn(*taken->worker, taken->place, slot);
    slot.set_incarnation(slot.incarnation() + 1);
    reasons.push_back(
        absl::StrCat("task ", slot.rank(), " starts again on ", PlaceString(taken->place)));
  }
  return nowhere;
}

void DropLostBackups(std::set<uint32_t>& lost, pb::Plan& plan, std::vector<std::string>& reasons) {
  std::set<uint32_t> backups;
  for (uint32_t rank : lost) {
    if (FindTask(plan, rank)->backup()) backups.insert(rank);
  }
  RemoveTasks(plan, backups);
  for (uint32_t rank : backups) {
    lost.erase(rank);
    reasons.push_back(absl::StrCat("backup ", rank, " is gone"));
  }
}

// As many backups as tasks have no slot become tasks like others.
void PromoteBackups(size_t count, pb::Plan& plan, std::vector<std::string>& reasons) {
  for (pb::TaskSlot& slot : *plan.mutable_tasks()) {
    if (!slot.backup() || count == 0) continue;
    slot.set_backup(false);
    --count;
    reasons.push_back(absl::StrCat("backup ", slot.rank(), " takes a task's place"));
  }
}

// True: the tasks that are left, if there are any, compute what the others did.
bool TakeOver(const std::set<uint32_t>& nowhere, pb::Plan& plan,
              std::vector<std::string>& reasons) {
  const uint32_t virtual_workers = VirtualWorkersOf(plan);
  if (plan.tasks_size() == static_cast<int>(nowhere.size())) return false;
  PromoteBackups(nowhere.size(), plan, reasons);
  RemoveTasks(plan, nowhere);
  CutEvenly(plan, virtual_workers);
  const uint32_t left = TaskCount(plan);
  reasons.push_back(absl::StrCat("no slot for task ", absl::StrJoin(nowhere, ", "), "; ", left,
                                 left == 1 ? " task goes on" : " tasks go on"));
  return true;
}

// Returned servers are named as they are now.
void TakeBack(const std::set<std::string>& returned, const Resources& resources, pb::Plan& plan,
              std::vector<std::string>& reasons) {
  for (pb::ShardRange& shard : *plan.mutable_shards()) {
    for (const KnownMember* server : resources.servers) {
      if (server->name() != shard.server() || returned.count(shard.server()) == 0) continue;
      shard.set_incarnation(server->who.incarnation());
      shard.set_address(server->who.address());
      reasons.push_back(absl::StrCat(shard.server(), " is back"));
    }
  }
}

}  // namespace

Planned FirstPlan(const std::string& job, JobNeeds& needs, const Resources& resources) {
  Planned planned;
  pb::Plan plan;
  plan.set_job(job);
  plan.set_number(1);
  plan.set_history(1);
  *plan.mutable_consistency() = ToMessage(needs.consistency());
  PlaceGang(needs, resources, planned, plan);
  if (resources.servers.size() < std::max(1u, resources.min_servers)) {
    WaitForServers(job, resources, planned);
  } else {
    CutShards(needs, resources, planned, plan);
  }
  if (!planned.waits.empty()) return planned;
  planned.plan = std::move(plan);
  planned.why = absl::StrCat(planned.plan->tasks_size(), " tasks, ", planned.plan->shards_size(),
                             " shards, computing as ", ClassString(planned.plan->compute()));
  return planned;
}

Planned NextPlan(const pb::Plan& last, const Changes& changes, const Resources& resources) {
  Planned planned;
  pb::Plan plan = last;
  std::vector<std::string> reasons;
  TakeBack(changes.returned, resources, plan, reasons);
  std::set<uint32_t> lost = changes.lost;
  DropLostBackups(lost, plan, reasons);
  const std::set<uint32_t> nowhere = PlaceLost(lost, resources, plan, reasons);
  const bool wait = changes.ending || nowhere.empty() || !TakeOver(nowhere, plan, reasons);
  for (uint32_t rank : nowhere) {
    if (wait) planned.waits.push_back(WaitForSlot(plan, rank, resources));
  }
  if (reasons.empty()) return planned;
  plan.set_number(last.number() + 1);
  planned.plan = std::move(plan);
  planned.why = absl::StrJoin(reasons, ", ");
  return planned;
}

pb::Wait WaitForSlot(const pb::Plan& plan, uint32_t rank, const Resources& resources) {
  const std::string who = absl::StrCat("task ", rank);
  if (plan.compute().device() == kCuda) {
    return MakeWait(who, GpuMissing(plan.compute(), resources));
  }
  const std::string busy = WhyNoSlot(resources, false);
  return MakeWait(who, absl::StrCat("a free slot that computes as ", ClassString(plan.compute()),
                                    busy.empty() ? "" : absl::StrCat(" (", busy, ")")));
}

pb::Wait MakeWait(const std::string& who, const std::string& what) {
  pb::Wait wait;
  wait.set_who(who);
  wait.set_what(what);
  return wait;
}

}  // namespace paracord
