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

uint32_t Resources::FreeSlots(const KnownMember& worker) const {
  const auto found = usage.slots.find(worker.name());
  const size_t taken = found == usage.slots.end() ? 0 : found->second.size();
  return taken >= worker.who.slots() ? 0 : worker.who.slots() - static_cast<uint32_t>(taken);
}

uint32_t Resources::FreeSoon(const KnownMember& worker) const {
  const auto found = usage.leaving.find(worker.name());
  const uint32_t leaving = found == usage.leaving.end() ? 0 : found->second;
  return std::min(worker.who.slots(), FreeSlots(worker) + leaving);
}

uint64_t Resources::FreeMemory(const KnownMember& server) const {
  const auto used = usage.memory.find(server.name());
  const uint64_t taken = used == usage.memory.end() ? 0 : used->second;
  return server.who.memory_bytes() - std::min(server.who.memory_bytes(), taken);
}

std::string BusyString(const Resources& resources) {
  std::vector<std::string> parts;
  for (const KnownMember* worker : resources.workers) {
    const auto taken = resources.usage.slots.find(worker->name());
    const bool any = taken != resources.usage.slots.end() && !taken->second.empty();
    if (!any || resources.IsDraining(*worker)) continue;
    const std::set<std::string> jobs(taken->second.begin(), taken->second.end());
    parts.push_back(absl::StrCat(worker->name(), ": ", taken->second.size(), " of ",
                                 worker->who.slots(), " busy with ", absl::StrJoin(jobs, ", ")));
  }
  return absl::StrJoin(parts, "; ");
}

std::string WhyNoSlot(const Resources& resources) {
  std::vector<std::string> parts;
  if (std::string busy = BusyString(resources); !busy.empty()) parts.push_back(std::move(busy));
  for (const KnownMember* worker : resources.workers) {
    if (!resources.IsDraining(*worker)) continue;
    parts.push_back(absl::StrCat(worker->name(), " is being drained"));
  }
  return absl::StrJoin(parts, "; ");
}

}  // namespace paracord
