#include "scheduler/slots.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "scheduler/compute_class.h"

namespace paracord {
namespace {

bool DeviceFits(DeviceKind wanted, const std::string& device) {
  return wanted == DeviceKind::kAuto || device == (wanted == DeviceKind::kCuda ? "cuda" : "cpu");
}

}  // namespace

Candidate* Take(Candidates& candidates) {
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

uint32_t FreeIn(const Candidates& candidates) {
  uint32_t free = 0;
  for (const Candidate& candidate : candidates) free += candidate.free;
  return free;
}

std::vector<Candidates> SlotGroups(DeviceKind device, const Resources& resources) {
  using Key = std::tuple<bool, std::string, std::string, std::string>;
  std::map<Key, Candidates> by_key;
  for (const KnownMember* worker : resources.workers) {
    const pb::ComputeClass& compute = worker->who.compute();
    if (!DeviceFits(device, compute.device()) || resources.IsDraining(*worker)) continue;
    const std::string isa = IsaRank(compute.isa()) < 0 ? compute.isa() : "";
    by_key[{compute.device() != "cuda", compute.device(), compute.library(), isa}].push_back(
        {worker, resources.FreeSlots(*worker)});
  }
  std::vector<Candidates> groups;
  for (auto& [key, group] : by_key) groups.push_back(std::move(group));
  return groups;
}

Candidates SlotsFor(const pb::Plan& plan, const std::set<uint32_t>& lost,
                    const Resources& resources) {
  Candidates candidates;
  for (const KnownMember* worker : resources.workers) {
    const bool fits = CanCompute(worker->who.compute(), plan.compute());
    if (!fits || resources.IsDraining(*worker)) continue;
    Candidate candidate{worker, resources.FreeSlots(*worker)};
    for (const pb::TaskSlot& slot : plan.tasks()) {
      candidate.own += slot.worker() == worker->name() && lost.count(slot.rank()) == 0;
    }
    candidates.push_back(candidate);
  }
  return candidates;
}

}  // namespace paracord
