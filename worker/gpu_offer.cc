#include "worker/gpu_offer.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/log.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr const char* kCuda = "cuda";
constexpr int kMostIndex = 63;
constexpr double kMostTasks = 1024;  // on one GPU
constexpr size_t kMostWords = 2000;  // of a reason

std::string ListString(const std::vector<int>& indices) {
  return absl::StrCat("[", absl::StrJoin(indices, ", "), "]");
}

std::string ListString(const std::vector<GpuInfo>& gpus) {
  return absl::StrJoin(gpus, ", ", [](std::string* out, const GpuInfo& gpu) {
    absl::StrAppend(out, gpu.index, " (", gpu.name, ", ", gpu.compute_class, ")");
  });
}

// "cuda sm_90x132 CUDA 13.0 cuBLAS 13.0.2": architecture, then libraries; what a task on it
// reports.
pb::ComputeClass ClassOf(const GpuInfo& gpu) {
  std::vector<std::string> words =
      absl::StrSplit(gpu.compute_class, absl::ByAnyChar(", "), absl::SkipEmpty());
  if (!words.empty() && words[0] == kCuda) words.erase(words.begin());
  pb::ComputeClass compute;
  compute.set_device(kCuda);
  if (words.empty()) return compute;
  compute.set_isa(words[0]);
  words.erase(words.begin());
  compute.set_library(absl::StrJoin(words, " "));
  return compute;
}

absl::Status CheckThere(const GpuChoice& choice,
                        const absl::StatusOr<std::vector<GpuInfo>>& found) {
  for (const int index : choice.indices) {
    const bool there =
        found.ok() && std::any_of(found->begin(), found->end(),
                                  [&](const GpuInfo& gpu) { return gpu.index == index; });
    if (there) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("gpus: found ", ListString(choice.indices), "; expected auto, none, or some ",
                     "of those that this host has: ",
                     found.ok() ? ListString(*found)
                                : absl::StrCat("none, ", std::string(found.status().message()))));
  }
  return absl::OkStatus();
}

void Add(const GpuInfo& gpu, double memory_fraction, pb::JoinRequest* join) {
  pb::Gpu* out = join->add_gpus();
  out->set_index(static_cast<uint32_t>(gpu.index));
  out->set_name(gpu.name);
  out->set_memory_bytes(gpu.memory_bytes);
  *out->mutable_compute() = ClassOf(gpu);
  out->set_slots(TasksPerGpu(memory_fraction));
}

}  // namespace

GpuChoice ParseGpus(const ConfigNode& root) {
  const ConfigNode node = root.Child("gpus");
  GpuChoice choice;
  if (node.kind() != ConfigNode::Kind::kList) {
    choice.all = root.Choice("gpus", 0, {"auto", "none"}) == 0;
    return choice;
  }
  choice.all = false;
  std::set<int> indices;
  for (const ConfigNode& item : node.Items()) {
    const int index = static_cast<int>(item.AsInteger({0, kMostIndex}));
    if (!item.faulty() && !indices.insert(index).second) {
      item.Error(absl::StrCat("found '", index, "' twice; expected each GPU once"));
    }
  }
  if (node.Items().empty()) node.Error("found an empty list; expected auto, none, or [0, 1]");
  choice.indices.assign(indices.begin(), indices.end());
  return choice;
}

std::string PrintGpus(const GpuChoice& choice) {
  if (choice.all) return "auto";
  return choice.indices.empty() ? "none" : ListString(choice.indices);
}

uint32_t TasksPerGpu(double memory_fraction) {
  constexpr double kRounding = 1e-9;  // a third, written with ten digits, is a third
  return static_cast<uint32_t>(std::min(kMostTasks, std::floor(1 / memory_fraction + kRounding)));
}

absl::Status OfferGpus(const GpuChoice& choice, double memory_fraction, const GpuFinder& find,
                       pb::JoinRequest* join) {
  if (!choice.all && choice.indices.empty()) {
    join->set_no_gpus("gpus: none in its configuration");
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<GpuInfo>> found = find();
  if (absl::Status there = CheckThere(choice, found); !there.ok()) return there;
  if (!found.ok()) {
    if (absl::IsInternal(found.status()))
      LogWarning("no GPU is offered: ", Describe(found.status()));
    join->set_no_gpus(std::string(found.status().message()).substr(0, kMostWords));
    return absl::OkStatus();
  }
  std::sort(found->begin(), found->end(),
            [](const GpuInfo& a, const GpuInfo& b) { return a.index < b.index; });
  for (const GpuInfo& gpu : *found) {
    const bool chosen =
        choice.all || std::count(choice.indices.begin(), choice.indices.end(), gpu.index) > 0;
    if (chosen) Add(gpu, memory_fraction, join);
  }
  return absl::OkStatus();
}

}  // namespace paracord
