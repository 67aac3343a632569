#include "common/rpc/plan_follower.h"

#include <utility>

#include "common/base/mutex.h"

namespace paracord {

// Calls outlive the follower (they have deadlines of their own), so what they touch is shared;
// `mutex` is held while a callback runs, and the destructor takes it once to close.
struct PlanFollower::State : std::enable_shared_from_this<State> {
  Coordinator& coordinator;
  Timer& timer;
  pb::WatchRequest request;  // touched by one call at a time
  std::function<void(const pb::WatchReply&)> on_change;
  std::function<void(const absl::Status&)> on_refused;
  Mutex mutex;
  CondVar asked;
  bool closed ABSL_GUARDED_BY(mutex) = false;
  bool asking ABSL_GUARDED_BY(mutex) =
      false;  // a call is being started; the answer may come inside it
  uint64_t pause ABSL_GUARDED_BY(mutex) = 0;  // timer id

  State(Coordinator& c, Timer& t) : coordinator(c), timer(t) {}

  void Ask() {
    auto self = shared_from_this();
    coordinator.Watch(request,
                      [self](absl::StatusOr<pb::WatchReply> reply) { self->Answer(reply); });
  }

  void Answer(const absl::StatusOr<pb::WatchReply>& reply) {
    MutexLock lock(mutex);
    if (closed) return;
    if (reply.ok() && reply->revision() != request.revision()) {
      request.set_revision(reply->revision());
      on_change(*reply);
    }
    if (absl::IsNotFound(reply.status()) && on_refused) on_refused(reply.status());
    // Always through the timer, so that a coordinator that answers at once does not recurse.
    const Duration delay = reply.ok() ? Duration::zero() : Duration(milliseconds(100));
    auto self = shared_from_this();
    pause = timer.RunAfter(delay, [self] { self->AskUnlessClosed(); });
  }

  void AskUnlessClosed() {
    {
      MutexLock lock(mutex);
      if (closed) return;
      asking = true;
    }
    Ask();
    MutexLock lock(mutex);
    asking = false;
    asked.NotifyAll();
  }
};

PlanFollower::PlanFollower(Coordinator& coordinator, Timer& timer, pb::WatchRequest who,
                           std::function<void(const pb::WatchReply&)> on_change,
                           std::function<void(const absl::Status&)> on_refused)
    : state_(std::make_shared<State>(coordinator, timer)) {
  state_->request = std::move(who);
  state_->on_change = std::move(on_change);
  state_->on_refused = std::move(on_refused);
  state_->Ask();
}

PlanFollower::~PlanFollower() {
  MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->timer.Cancel(state_->pause);
  while (state_->asking) state_->asked.Wait(state_->mutex);
  state_->on_change = nullptr;
  state_->on_refused = nullptr;
}

}  // namespace paracord
