#include "scheduler/resources.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {

const KnownMember* Resources::FindServer(const std::string& name) const {
  for (const KnownMember* server : servers) {
    if (server->name() == name) return server;
  }
  return nullptr;
}

uint32_t Resources::FreeSlots(const KnownMember& worker, const Place& place) const {
  const uint32_t slots = SlotsAt(worker, place.gpu);
  const auto found = usage.slots.find(place);
  const size_t taken = found == usage.slots.end() ? 0 : found->second.size();
  return taken >= slots ? 0 : slots - static_cast<uint32_t>(taken);
}

uint32_t Resources::FreeSoon(const KnownMember& worker, const Place& place) const {
  const auto found = usage.leaving.find(place);
  const uint32_t leaving = found == usage.leaving.end() ? 0 : found->second;
  return std::min(SlotsAt(worker, place.gpu), FreeSlots(worker, place) + leaving);
}

uint64_t Resources::FreeMemory(const KnownMember& server) const {
  const auto used = usage.memory.find(server.name());
  const uint64_t taken = used == usage.memory.end() ? 0 : used->second;
  return server.who.memory_bytes() - std::min(server.who.memory_bytes(), taken);
}

std::string BusyString(const Resources& resources, bool on_gpus) {
  std::vector<std::string> parts;
  for (const KnownMember* worker : resources.workers) {
    if (resources.IsDraining(*worker)) continue;
    ForEachPlace(*worker, [&](const Place& place, const pb::ComputeClass&) {
      const auto taken = resources.usage.slots.find(place);
      const bool any = taken != resources.usage.slots.end() && !taken->second.empty();
      if (!any || place.gpu.has_value() != on_gpus) return;
      const std::set<std::string> jobs(taken->second.begin(), taken->second.end());
      parts.push_back(absl::StrCat(PlaceString(place), ": ", taken->second.size(), " of ",
                                   SlotsAt(*worker, place.gpu), " busy with ",
                                   absl::StrJoin(jobs, ", ")));
    });
  }
  return absl::StrJoin(parts, "; ");
}

std::string WhyNoSlot(const Resources& resources, bool on_gpus) {
  std::vector<std::string> parts;
  if (std::string busy = BusyString(resources, on_gpus); !busy.empty()) {
    parts.push_back(std::move(busy));
  }
  for (const KnownMember* worker : resources.workers) {
    if (!resources.IsDraining(*worker)) continue;
    parts.push_back(absl::StrCat(worker->name(), " is being drained"));
  }
  return absl::StrJoin(parts, "; ");
}

}  // namespace paracord
