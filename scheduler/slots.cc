#include "scheduler/slots.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "scheduler/compute_class.h"

namespace paracord {
namespace {

// `visit`: worker, place, class; of all that may get tasks.
template <class Visit>
void ForEachOpenPlace(const Resources& resources, Visit visit) {
  for (const KnownMember* worker : resources.workers) {
    if (resources.IsDraining(*worker)) continue;
    ForEachPlace(*worker, [&](const Place& place, const pb::ComputeClass& compute) {
      visit(*worker, place, compute);
    });
  }
}

}  // namespace

Candidate* Take(Candidates& candidates) {
  std::map<const KnownMember*, uint32_t> on_worker;
  for (const Candidate& candidate : candidates) on_worker[candidate.worker] += candidate.own;
  // The lowest is the best.
  const auto rank = [&](const Candidate& candidate) {
    return std::make_tuple(candidate.own, on_worker[candidate.worker],
                           -static_cast<int64_t>(candidate.free));
  };
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    if (candidate.free == 0) continue;
    if (best == nullptr || rank(candidate) < rank(*best)) best = &candidate;
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

DeviceKind DeviceFor(DeviceKind wanted, uint32_t tasks, const Resources& resources) {
  if (wanted != DeviceKind::kAuto) return wanted;
  for (const Candidates& group : SlotGroups(DeviceKind::kCuda, resources)) {
    uint32_t slots = 0;
    for (const Candidate& gpu : group) slots += SlotsAt(*gpu.worker, gpu.place.gpu);
    if (slots >= tasks) return DeviceKind::kCuda;
  }
  return DeviceKind::kCpu;
}

std::vector<Candidates> SlotGroups(DeviceKind device, const Resources& resources) {
  // Architecture, the newest first; library; instruction set, or GPU in full.
  using Key = std::tuple<int, std::string, std::string>;
  std::map<Key, Candidates> by_key;
  const auto add = [&](const KnownMember& worker, const Place& place, const auto& compute) {
    if (place.gpu.has_value() != (device == DeviceKind::kCuda)) return;
    const std::string isa = IsaRank(compute.isa()) < 0 ? compute.isa() : "";
    by_key[{-GpuArchitecture(isa), compute.library(), isa}].push_back(
        {&worker, place, resources.FreeSlots(worker, place)});
  };
  ForEachOpenPlace(resources, add);
  std::vector<Candidates> groups;
  for (auto& [key, group] : by_key) groups.push_back(std::move(group));
  return groups;
}

Candidates SlotsFor(const pb::Plan& plan, const std::set<uint32_t>& lost,
                    const Resources& resources) {
  std::map<Place, uint32_t> own;
  for (const pb::TaskSlot& slot : plan.tasks()) own[PlaceOf(slot)] += lost.count(slot.rank()) == 0;
  Candidates candidates;
  const auto add = [&](const KnownMember& worker, const Place& place, const auto& compute) {
    if (!CanCompute(compute, plan.compute())) return;
    candidates.push_back({&worker, place, resources.FreeSlots(worker, place), own[place]});
  };
  ForEachOpenPlace(resources, add);
  return candidates;
}

}  // namespace paracord
