// Members that are simply there, for tests of what is pure.
#pragma once

#include <deque>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/planner.h"

namespace paracord {

struct Hosts {
  std::deque<KnownMember> members;
  Resources resources;

  Hosts& Server(const std::string& name, uint64_t memory = 1 << 20) {
    KnownMember& member = members.emplace_back();
    member.who.set_name(name);
    member.who.set_incarnation(members.size());
    member.who.set_memory_bytes(memory);
    resources.servers.push_back(&member);
    return *this;
  }
  Hosts& Worker(const std::string& name, uint32_t slots, const std::string& isa = "AVX2") {
    KnownMember& member = members.emplace_back();
    member.who.set_name(name);
    member.who.set_incarnation(members.size());
    member.who.set_slots(slots);
    member.who.mutable_compute()->set_isa(isa);
    member.who.mutable_compute()->set_device("cpu");
    member.who.mutable_compute()->set_library("oneDNN 2.6.0");
    resources.workers.push_back(&member);
    return *this;
  }
  // One GPU more for the worker that came last.
  Hosts& Gpu(uint32_t slots = 1, const std::string& isa = "sm_90") {
    pb::JoinRequest& who = members.back().who;
    pb::Gpu* gpu = who.add_gpus();
    gpu->set_index(static_cast<uint32_t>(who.gpus_size() - 1));
    gpu->set_slots(slots);
    gpu->mutable_compute()->set_device("cuda");
    gpu->mutable_compute()->set_isa(isa);
    gpu->mutable_compute()->set_library("CUDA 13.0");
    return *this;
  }
  // Takes the slots that the plan's tasks have.
  void Occupy(const pb::Plan& plan) {
    for (const pb::TaskSlot& slot : plan.tasks()) {
      resources.usage.slots[PlaceOf(slot)].push_back(plan.job());
    }
  }
};

inline std::string Texts(const Planned& planned) {
  std::string text;
  for (const pb::Wait& wait : planned.waits) absl::StrAppend(&text, wait.what(), "\n");
  return text;
}

inline JobNeeds Needs(uint32_t workers, DeviceKind device = DeviceKind::kAuto,
                      uint32_t slices = 8) {
  JobSpec spec;
  spec.workers = spec.min_workers = workers;
  spec.virtual_workers = slices;
  spec.device = device;
  spec.model.tensors = {{"0.weight", {100, 100}, TensorKind::kTrained, {}},
                        {"1.weight", {100, 100}, TensorKind::kTrained, {}}};
  return JobNeeds(spec);
}

// "a[0,4) b:1[4,8) ": workers, with a GPU's index.
inline std::string Placement(const pb::Plan& plan) {
  std::string text;
  for (const pb::TaskSlot& slot : plan.tasks()) {
    absl::StrAppend(&text, slot.worker(), slot.has_gpu() ? absl::StrCat(":", slot.gpu()) : "", "[",
                    slot.begin(), ",", slot.end(), ") ");
  }
  return text;
}

// "0[0,4) 2+[4,8) 3[4,8) ": ranks, with + for a backup.
inline std::string Ranks(const pb::Plan& plan) {
  std::string text;
  for (const pb::TaskSlot& slot : plan.tasks()) {
    absl::StrAppend(&text, slot.rank(), slot.backup() ? "+" : "", "[", slot.begin(), ",",
                    slot.end(), ") ");
  }
  return text;
}

}  // namespace paracord
