// Where a task runs: on one of a worker's CPU slots, or on one of its GPUs. What the two are asked
// for is the same: how many tasks there may be, and what bits are computed. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/plan.pb.h"
#include "scheduler/membership.h"

namespace paracord {

struct Place {
  std::string worker;
  std::optional<uint32_t> gpu = {};  // its index there; empty: on the CPU
  auto operator<=>(const Place&) const = default;
};

Place PlaceOf(const pb::TaskSlot& slot);
// "worker-0", "worker-0 GPU 1"
std::string PlaceString(const Place& place);

// Tasks that there may be; 0: the worker offers no such GPU.
uint32_t SlotsAt(const KnownMember& worker, std::optional<uint32_t> gpu);
// Of a GPU that it does not offer: empty.

const pb::ComputeClass& ComputeAt(const KnownMember& worker, std::optional<uint32_t> gpu);

// All that a worker offers: its CPU, if tasks may run there, and its GPUs. `visit`: place, class.
template <class Visit>
void ForEachPlace(const KnownMember& worker, Visit visit) {
  if (worker.who.slots() > 0) visit(Place{worker.name()}, worker.who.compute());
  for (const pb::Gpu& gpu : worker.who.gpus()) {
    visit(Place{worker.name(), gpu.index()}, gpu.compute());
  }
}

}  // namespace paracord
