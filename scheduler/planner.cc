#include "scheduler/planner.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/units.h"
#include "common/job/sampler.h"
#include "scheduler/compute_class.h"

namespace paracord {
namespace {

constexpr size_t kNamedJobs = 3;  // in one line for people

struct Candidate {
  const KnownMember* worker;
  uint32_t free;
  uint32_t own = 0;  // tasks of this job
};

// One task more on the worker that has the fewest of this job's, then the most room. Null: no room.
Candidate* Take(std::vector<Candidate>& candidates) {
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    if (candidate.free == 0) continue;
    if (best == nullptr ||
        std::make_pair(candidate.own, best->free) < std::make_pair(best->own, candidate.free)) {
      best = &candidate;
    }
  }
  if (best != nullptr) {
    --best->free;
    ++best->own;
  }
  return best;
}

bool DeviceFits(DeviceKind wanted, const std::string& device) {
  return wanted == DeviceKind::kAuto || device == (wanted == DeviceKind::kCuda ? "cuda" : "cpu");
}

// Workers whose bits can be made the same: device, library, and instruction sets that contain one
// another. CUDA first.
using GroupKey = std::tuple<bool, std::string, std::string, std::string>;
std::map<GroupKey, std::vector<Candidate>> Groups(DeviceKind device, const Resources& resources) {
  std::map<GroupKey, std::vector<Candidate>> groups;
  for (const KnownMember* worker : resources.workers) {
    const pb::ComputeClass& compute = worker->who.compute();
    if (!DeviceFits(device, compute.device())) continue;
    const std::string isa = IsaRank(compute.isa()) < 0 ? compute.isa() : "";
    groups[{compute.device() != "cuda", compute.device(), compute.library(), isa}].push_back(
        {worker, resources.FreeSlots(*worker)});
  }
  return groups;
}

uint32_t FreeIn(const std::vector<Candidate>& group) {
  uint32_t free = 0;
  for (const Candidate& candidate : group) free += candidate.free;
  return free;
}

std::string BusyString(const Resources& resources) {
  std::vector<std::string> parts;
  for (const KnownMember* worker : resources.workers) {
    const auto taken = resources.usage.slots.find(worker->name());
    if (taken == resources.usage.slots.end() || taken->second.empty()) continue;
    const std::set<std::string> jobs(taken->second.begin(), taken->second.end());
    parts.push_back(absl::StrCat(worker->name(), ": ", taken->second.size(), " of ",
                                 worker->who.slots(), " busy with ", absl::StrJoin(jobs, ", ")));
  }
  return absl::StrJoin(parts, "; ");
}

std::string SlotsMissing(const JobNeeds& needs, const Resources& resources, uint32_t free) {
  const std::string device = needs.device() == DeviceKind::kCuda  ? " with a CUDA device"
                             : needs.device() == DeviceKind::kCpu ? " on a CPU"
                                                                  : "";
  std::string what =
      absl::StrCat(needs.workers(), " free slots", device, " needed, ", free, " free");
  if (resources.workers.empty()) return absl::StrCat(what, ": no worker has joined");
  const std::string busy = BusyString(resources);
  if (!busy.empty()) absl::StrAppend(&what, " (", busy, ")");
  return what;
}

void PlaceGang(JobNeeds& needs, const Resources& resources, Planned& planned, pb::Plan& plan) {
  uint32_t most_free = 0;
  for (auto& [key, group] : Groups(needs.device(), resources)) {
    const uint32_t free = FreeIn(group);
    most_free = std::max(most_free, free);
    if (free < needs.workers()) continue;
    for (uint32_t rank = 0; rank < needs.workers(); ++rank) {
      const pb::JoinRequest& worker = Take(group)->worker->who;
      const auto [begin, end] = SliceOf(needs.virtual_workers(), needs.workers(), rank);
      pb::TaskSlot* slot = plan.add_tasks();
      slot->set_rank(rank);
      slot->set_worker(worker.name());
      slot->set_worker_incarnation(worker.incarnation());
      slot->set_incarnation(1);
      slot->set_begin(static_cast<uint32_t>(begin));
      slot->set_end(static_cast<uint32_t>(end));
      if (rank == 0 || IsaRank(worker.compute().isa()) < IsaRank(plan.compute().isa())) {
        *plan.mutable_compute() = worker.compute();
      }
    }
    return;
  }
  planned.waits.push_back(MakeWait(plan.job(), SlotsMissing(needs, resources, most_free)));
}

void WaitForServers(const std::string& job, const Resources& resources, Planned& planned) {
  std::vector<std::string> names;
  for (const KnownMember* server : resources.servers) names.push_back(server->name());
  planned.waits.push_back(MakeWait(
      job, absl::StrCat(std::max(1u, resources.min_servers), " servers needed, ", names.size(),
                        " ready", names.empty() ? "" : ": ", absl::StrJoin(names, ", "))));
}

uint64_t FreeMemory(const KnownMember& server, const Resources& resources) {
  const auto used = resources.usage.memory.find(server.name());
  const uint64_t taken = used == resources.usage.memory.end() ? 0 : used->second;
  return server.who.memory_bytes() - std::min(server.who.memory_bytes(), taken);
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
    free += FreeMemory(*server, resources);
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
    const uint64_t free = FreeMemory(server, resources);
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

// Where a lost task goes: the same worker if it can, else as in a first plan. Null: nowhere.
const KnownMember* PlaceAgain(const pb::TaskSlot& slot, std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates) {
    if (candidate.worker->name() != slot.worker() || candidate.free == 0) continue;
    --candidate.free;
    ++candidate.own;
    return candidate.worker;
  }
  const Candidate* taken = Take(candidates);
  return taken == nullptr ? nullptr : taken->worker;
}

std::vector<Candidate> CandidatesFor(const pb::Plan& last, const std::set<uint32_t>& lost,
                                     const Resources& resources) {
  std::vector<Candidate> candidates;
  for (const KnownMember* worker : resources.workers) {
    if (!CanCompute(worker->who.compute(), last.compute())) continue;
    Candidate candidate{worker, resources.FreeSlots(*worker)};
    for (const pb::TaskSlot& slot : last.tasks()) {
      candidate.own += slot.worker() == worker->name() && lost.count(slot.rank()) == 0;
    }
    candidates.push_back(candidate);
  }
  return candidates;
}

void PlaceLost(const std::set<uint32_t>& lost, const Resources& resources, pb::Plan& plan,
               Planned& planned, std::vector<std::string>& reasons) {
  std::vector<Candidate> candidates = CandidatesFor(plan, lost, resources);
  for (pb::TaskSlot& slot : *plan.mutable_tasks()) {
    if (lost.count(slot.rank()) == 0) continue;
    const KnownMember* worker = PlaceAgain(slot, candidates);
    if (worker == nullptr) {
      const std::string busy = BusyString(resources);
      planned.waits.push_back(
          MakeWait(absl::StrCat("task ", slot.rank()),
                   absl::StrCat("a free slot that computes as ", ClassString(plan.compute()),
                                busy.empty() ? "" : " (", busy, busy.empty() ? "" : ")")));
      continue;
    }
    slot.set_worker(worker->name());
    slot.set_worker_incarnation(worker->who.incarnation());
    slot.set_incarnation(slot.incarnation() + 1);
    reasons.push_back(absl::StrCat("task ", slot.rank(), " starts again on ", worker->name()));
  }
}

}  // namespace

uint32_t Resources::FreeSlots(const KnownMember& worker) const {
  const auto found = usage.slots.find(worker.name());
  const size_t taken = found == usage.slots.end() ? 0 : found->second.size();
  return taken >= worker.who.slots() ? 0 : worker.who.slots() - static_cast<uint32_t>(taken);
}

Planned FirstPlan(const std::string& job, JobNeeds& needs, const Resources& resources) {
  Planned planned;
  pb::Plan plan;
  plan.set_job(job);
  plan.set_number(1);
  plan.set_history(1);
  PlaceGang(needs, resources, planned, plan);
  if (resources.servers.size() < std::max(1u, resources.min_servers)) {
    WaitForServers(job, resources, planned);
  } else {
    CutShards(needs, resources, planned, plan);
  }
  if (!planned.waits.empty()) return planned;
  planned.plan = std::move(plan);
  planned.why = absl::StrCat(needs.workers(), " tasks, ", planned.plan->shards_size(),
                             " shards, computing as ", ClassString(planned.plan->compute()));
  return planned;
}

Planned NextPlan(const pb::Plan& last, const std::set<uint32_t>& lost,
                 const std::set<std::string>& returned, const Resources& resources) {
  Planned planned;
  pb::Plan plan = last;
  std::vector<std::string> reasons;
  for (pb::ShardRange& shard : *plan.mutable_shards()) {
    for (const KnownMember* server : resources.servers) {
      if (server->name() != shard.server() || returned.count(shard.server()) == 0) continue;
      shard.set_incarnation(server->who.incarnation());
      shard.set_address(server->who.address());
      reasons.push_back(absl::StrCat(shard.server(), " is back"));
    }
  }
  PlaceLost(lost, resources, plan, planned, reasons);
  if (reasons.empty()) return planned;
  plan.set_number(last.number() + 1);
  planned.plan = std::move(plan);
  planned.why = absl::StrJoin(reasons, ", ");
  return planned;
}

pb::Wait MakeWait(const std::string& who, const std::string& what) {
  pb::Wait wait;
  wait.set_who(who);
  wait.set_what(what);
  return wait;
}

}  // namespace paracord
