// A daemon's membership: joins the scheduler, renews its lease with a heartbeat that carries its
// whole state, joins again when the scheduler has forgotten it, and follows what it is to do. Rides
// out the scheduler's absence, and says every 5 s whom it waits for. Only a join that the scheduler
// calls wrong is not tried again.
#pragma once

#include <functional>
#include <memory>

#include "common/base/daemon.h"
#include "common/base/timer.h"
#include "common/rpc/coordinator.h"
#include "common/rpc/plan_follower.h"

namespace paracord {

class Member {
 public:
  struct Callbacks {
    std::function<void(pb::JoinRequest*)>
        fill_join;  // what changes between joins (stored generations)
    std::function<void(pb::HeartbeatRequest*)> fill_heartbeat;      // the state, whole
    std::function<void(const pb::HeartbeatReply&)> on_answer = {};  // to a heartbeat; may be null
    std::function<void(const pb::WatchReply&)> on_assignments;
    // The scheduler calls the join itself wrong (InvalidArgument): nothing is tried any more.
    std::function<void(const absl::Status&)> on_refused = FailDaemon;
  };
  // `self`: everything of a join that does not change. Callbacks run on the timer's or gRPC's
  // threads and do not block.
  Member(Coordinator& coordinator, Timer& timer, pb::JoinRequest self, Callbacks callbacks);
  // No callback runs after this returns.
  ~Member();

  // A heartbeat now, because something happened that should not wait for the next one.
  void ReportNow();
  // The last heartbeat of an orderly stop; waits for its answer, at most 2 s. Sent again for 500 ms
  // while nobody is there. A scheduler that has forgotten the member is joined once more first, and
  // a join under way is waited for: it would outlive the member. One that never joined says
  // nothing.
  void Leave();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::unique_ptr<PlanFollower> follower_;
};

}  // namespace paracord
