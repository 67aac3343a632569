// Keeps asking the scheduler what there is to do and hands each new answer on; rides out its
// absence, for ever, with a pause of 100 ms between tries. One for each member and each task.
#pragma once

#include <functional>
#include <memory>

#include "common/base/timer.h"
#include "common/rpc/coordinator.h"

namespace paracord {

class PlanFollower {
 public:
  // `who`: name and incarnation of a member, or job of a task; revision is filled in. `on_change`
  // is called on some thread, one call at a time, whenever the reply's revision differs.
  // `on_refused` (may be null): the scheduler does not know the asker (NotFound); following goes
  // on.
  PlanFollower(Coordinator& coordinator, Timer& timer, pb::WatchRequest who,
               std::function<void(const pb::WatchReply&)> on_change,
               std::function<void(const absl::Status&)> on_refused);
  // No callback runs after this returns.
  ~PlanFollower();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace paracord
