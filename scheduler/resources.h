// What there is and what is taken: all that a plan is made from besides the job itself. Plain data;
// the same content in whatever order members arrived.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/membership.h"
#include "scheduler/place.h"

namespace paracord {

// What is taken: by running jobs, and by what has ended until it is seen to be gone.
struct Usage {
  std::map<Place, std::vector<std::string>> slots;  // the job's id, once for each slot
  // Of `slots`: those whose tasks no plan names any more, free within a second.
  std::map<Place, uint32_t> leaving;
  std::map<std::string, uint64_t> memory;                // server: bytes
  std::map<std::string, std::vector<std::string>> held;  // server: ended jobs that are part of them
};

struct Resources {
  std::vector<const KnownMember*> servers;  // READY, in name order
  std::vector<const KnownMember*> workers;  // READY, in name order
  uint32_t min_servers = 1;
  Usage usage;
  std::set<std::string> draining;  // workers that get no new task

  // Null: no such server is READY.
  const KnownMember* FindServer(const std::string& name) const;
  bool IsDraining(const KnownMember& worker) const { return draining.count(worker.name()) > 0; }
  // At one of the worker's places.
  uint32_t FreeSlots(const KnownMember& worker, const Place& place) const;
  // With those that are about to be free.
  uint32_t FreeSoon(const KnownMember& worker, const Place& place) const;
  uint64_t FreeMemory(const KnownMember& server) const;
};

// For people, of the workers that may get tasks, on their CPUs or on their GPUs: "worker-0: 1 of 2
// busy with a-1; worker-1: ...", "worker-0 GPU 1: ..."; empty if nothing is taken.
std::string BusyString(const Resources& resources, bool on_gpus);
// The same, and who may get none: "worker-0: 1 of 2 busy with a-1; worker-1 is being drained".
std::string WhyNoSlot(const Resources& resources, bool on_gpus);

}  // namespace paracord
