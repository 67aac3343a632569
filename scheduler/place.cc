#include "scheduler/place.h"

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

// Without slots: the worker offers no such GPU.
const pb::Gpu& FindGpu(const KnownMember& worker, uint32_t index) {
  for (const pb::Gpu& gpu : worker.who.gpus()) {
    if (gpu.index() == index) return gpu;
  }
  return pb::Gpu::default_instance();
}

}  // namespace

Place PlaceOf(const pb::TaskSlot& slot) {
  Place place{slot.worker()};
  if (slot.has_gpu()) place.gpu = slot.gpu();
  return place;
}

std::string PlaceString(const Place& place) {
  return place.gpu ? absl::StrCat(place.worker, " GPU ", *place.gpu) : place.worker;
}

uint32_t SlotsAt(const KnownMember& worker, std::optional<uint32_t> gpu) {
  if (!gpu) return worker.who.slots();
  return FindGpu(worker, *gpu).slots();
}

const pb::ComputeClass& ComputeAt(const KnownMember& worker, std::optional<uint32_t> gpu) {
  return gpu ? FindGpu(worker, *gpu).compute() : worker.who.compute();
}

}  // namespace paracord
