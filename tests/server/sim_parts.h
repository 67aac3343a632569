// What a simulated training is made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "proto/plan.pb.h"
#include "server/parameter_shard.h"
#include "tests/server/drawn_events.h"

namespace paracord {

struct SimHost {
  BlockRange range;
  std::shared_ptr<ParameterShard> shard;
  std::shared_ptr<Shard> seen;  // by the tasks
};

struct SimTask {
  pb::Plan plan;         // number 0: none heard of yet
  uint64_t attempt = 0;  // answers to earlier ones are dropped
  uint64_t step = 0;
  uint64_t lowest = UINT64_MAX;
  size_t unanswered = 0;  // queries
  size_t missing = 0;     // blocks asked for
  int gone = 0;           // under this plan: the version to begin with was not there
  bool sent = false;      // `step` is being sent, or was
  bool done = false;
  std::vector<std::vector<float>> weights;
  std::vector<BlockRange> unsent;  // of this step; the last is sent first
};

// The slot of a task in a plan; null: it has none.
inline const pb::TaskSlot* SlotOf(uint64_t incarnation, const pb::Plan& plan) {
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.incarnation() == incarnation) return &slot;
  }
  return nullptr;
}

// Where to cut [0, leaves) into some parts, with both ends.
inline std::vector<uint32_t> DrawCuts(DrawnEvents& events, uint32_t leaves) {
  const uint64_t count = 1 + events.Draw(leaves);
  std::vector<uint32_t> cuts;
  for (uint32_t i = 1; i < leaves; ++i) cuts.push_back(i);
  std::shuffle(cuts.begin(), cuts.end(), events.random());
  cuts.resize(count - 1);
  cuts.push_back(0);
  cuts.push_back(leaves);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

}  // namespace paracord
