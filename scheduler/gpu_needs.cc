#include "scheduler/gpu_needs.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/compute_class.h"

namespace paracord {
namespace {

constexpr size_t kMaxListed = 20;

// A worker's GPUs of other classes, if it has none of that one.
std::string OthersOf(const KnownMember& worker, const pb::ComputeClass& wanted) {
  std::set<std::string> classes;
  for (const pb::Gpu& gpu : worker.who.gpus()) {
    if (CanCompute(gpu.compute(), wanted)) return "";
    classes.insert(BitsString(gpu.compute()));
  }
  return absl::StrJoin(classes, ", ");
}

// " (...)"; empty: there is nothing to say. `wanted`: null: any class.
std::string WhyNoGpu(const Resources& resources, const pb::ComputeClass* wanted) {
  std::vector<std::string> parts;
  if (std::string why = WhyNoSlot(resources, true); !why.empty()) parts.push_back(std::move(why));
  size_t without = 0;
  for (const KnownMember* worker : resources.workers) {
    without += worker->who.gpus().empty();
    const std::string others = wanted == nullptr ? "" : OthersOf(*worker, *wanted);
    if (!others.empty()) parts.push_back(absl::StrCat(worker->name(), " has ", others));
  }
  if (without > 0) {
    parts.push_back(absl::StrCat(without, without == 1 ? " node has none" : " nodes have none"));
  }
  return parts.empty() ? "" : absl::StrCat(" (", absl::StrJoin(parts, "; "), ")");
}

}  // namespace

absl::Status CheckGpusExist(const JobNeeds& needs, const Membership& members) {
  if (needs.device() != DeviceKind::kCuda) return absl::OkStatus();
  std::vector<std::string> found;
  for (const auto& [name, member] : members.all()) {
    if (member.who.role() != pb::WORKER || member.state == KnownMember::State::kLeft) continue;
    if (!member.who.gpus().empty()) return absl::OkStatus();
    found.push_back(absl::StrCat(name, ": ", member.who.no_gpus()));
  }
  if (found.empty()) return absl::OkStatus();
  const size_t more = found.size() - std::min(found.size(), kMaxListed);
  found.resize(found.size() - more);
  return absl::InvalidArgumentError(absl::StrCat(
      "device: found cuda, and no GPU on any worker of this cluster; expected cpu, auto, or a "
      "worker with a GPU. ",
      absl::StrJoin(found, "; "), more > 0 ? absl::StrCat("; and ", more, " others") : ""));
}

std::string GpusMissing(uint32_t needed, uint32_t free, const Resources& resources) {
  return absl::StrCat(needed, needed == 1 ? " GPU" : " GPUs of one class", " needed, ", free,
                      " free", WhyNoGpu(resources, nullptr));
}

std::string GpusMissing(uint32_t needed, uint32_t free, const pb::ComputeClass& wanted,
                        const Resources& resources) {
  return absl::StrCat(needed, needed == 1 ? " GPU" : " GPUs", " of class ", BitsString(wanted),
                      " needed, ", free, " free", WhyNoGpu(resources, &wanted));
}

std::string GpuMissing(const pb::ComputeClass& wanted, const Resources& resources) {
  return absl::StrCat("1 GPU of class ", BitsString(wanted), WhyNoGpu(resources, &wanted));
}

}  // namespace paracord
