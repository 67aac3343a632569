// A plan's consistency, as the message that plans carry and as the struct that everybody else uses.
#pragma once

#include "common/job/consistency_spec.h"
#include "proto/plan.pb.h"

namespace paracord {

inline pb::Consistency ToMessage(const ConsistencySpec& spec) {
  pb::Consistency message;
  message.set_mode(static_cast<pb::Consistency::Mode>(spec.mode));
  message.set_staleness(spec.staleness);
  message.set_backup(spec.backup);
  return message;
}

// A mode that this program does not know is bsp, which waits for everything.
inline ConsistencySpec FromMessage(const pb::Consistency& message) {
  ConsistencySpec spec;
  if (message.mode() == pb::Consistency::SSP) spec.mode = ConsistencySpec::Mode::kSsp;
  if (message.mode() == pb::Consistency::ASYNC) spec.mode = ConsistencySpec::Mode::kAsync;
  spec.staleness = message.staleness();
  spec.backup = message.backup();
  return spec;
}

}  // namespace paracord
