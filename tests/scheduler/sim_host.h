// A make-believe host: a server or a worker daemon, and what it has.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "proto/coordinator.pb.h"
#include "tests/scheduler/sim_server.h"

namespace paracord {

struct SimTask {
  std::string job;
  uint32_t rank;
  uint64_t incarnation;
  bool exited = false;
  int exit = 0;
  auto operator<=>(const SimTask&) const = default;
};

struct SimHost {
  pb::JoinRequest who;
  bool alive = false;
  bool joined = false;
  std::vector<SimTask> tasks;  // worker
  SimDisk disk;                // server
  SimShards shards;            // server
};

}  // namespace paracord
