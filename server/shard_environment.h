// What a shard needs of its server; outlives it.
#pragma once

#include <functional>

#include "common/base/crew.h"
#include "common/base/timer.h"
#include "server/block_db.h"
#include "server/lanes.h"
#include "server/memory_budget.h"
#include "server/remote_generation.h"
#include "server/storage_thread.h"

namespace paracord {

struct ShardEnvironment {
  BlockDb& db;
  StorageThread& storage;
  Lanes& lanes;  // for what waits for other hosts
  MemoryBudget& budget;
  Timer& timer;
  Crew& crew;                       // helps with updates and answers
  std::function<void()> on_change;  // something the scheduler should hear of soon; any thread
  PeerServers connect = {};         // to read what another server has stored; empty: to none
};

}  // namespace paracord
