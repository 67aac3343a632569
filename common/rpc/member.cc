#include "common/rpc/member.h"

#include <future>
#include <thread>
#include <utility>

#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kRetry = milliseconds(100);
constexpr Duration kComplain = seconds(5);
constexpr auto kLeavePatience = std::chrono::seconds(2);
constexpr auto kLeaveRetries = milliseconds(500);  // nobody there: a stop does not wait for long

}  // namespace

// One loop: join until it works, then heartbeats, one under way at a time. `mutex` is held while a
// callback fills a message.
struct Member::State : std::enable_shared_from_this<State> {
  Coordinator& coordinator;
  Timer& timer;
  pb::JoinRequest self;
  Callbacks callbacks;
  Mutex mutex;
  CondVar asked;
  bool closed ABSL_GUARDED_BY(mutex) = false;
  bool joined ABSL_GUARDED_BY(mutex) = false;
  bool calling ABSL_GUARDED_BY(mutex) =
      false;  // a call is under way; the next is made by its answer
  bool starting ABSL_GUARDED_BY(mutex) = false;  // inside the coordinator's method
  bool again ABSL_GUARDED_BY(mutex) = false;     // ReportNow came meanwhile
  uint64_t next ABSL_GUARDED_BY(mutex) = 0;      // timer id
  Duration interval ABSL_GUARDED_BY(mutex) = milliseconds(500);
  TimePoint complained ABSL_GUARDED_BY(mutex);

  State(Coordinator& c, Timer& t) : coordinator(c), timer(t), complained(t.Now()) {}

  void Call() {
    pb::JoinRequest join;
    pb::HeartbeatRequest heartbeat;
    bool is_join;
    {
      MutexLock lock(mutex);
      if (closed) return;
      if (calling) {
        again = true;
        return;
      }
      timer.Cancel(next);
      calling = starting = true;
      is_join = !joined;
      if (is_join) {
        join = self;
        callbacks.fill_join(&join);
      } else {
        heartbeat = NewHeartbeat();
      }
    }
    auto me = shared_from_this();
    if (is_join) {
      coordinator.Join(join, [me](absl::StatusOr<pb::JoinReply> r) { me->Joined(std::move(r)); });
    } else {
      coordinator.Heartbeat(heartbeat, [me](const absl::StatusOr<pb::HeartbeatReply>& r) {
        me->Answered(r.status());
      });
    }
    MutexLock lock(mutex);
    starting = false;
    asked.NotifyAll();
  }

  pb::HeartbeatRequest NewHeartbeat() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    pb::HeartbeatRequest heartbeat;
    heartbeat.set_name(self.name());
    heartbeat.set_incarnation(self.incarnation());
    callbacks.fill_heartbeat(&heartbeat);
    return heartbeat;
  }

  void Joined(absl::StatusOr<pb::JoinReply> reply) {
    MutexLock lock(mutex);
    if (reply.ok()) {
      joined = true;
      if (reply->heartbeat_ms() > 0) interval = milliseconds(reply->heartbeat_ms());
      LogInfo("joined cluster ", reply->cluster());
    } else {
      Complain(reply.status());
    }
    Next(reply.ok() ? Duration::zero() : kRetry);
  }

  void Answered(const absl::Status& status) {
    MutexLock lock(mutex);
    if (absl::IsNotFound(status)) joined = false;
    if (!status.ok()) Complain(status);
    const bool now = again || absl::IsNotFound(status);
    Next(now ? Duration::zero() : status.ok() ? interval : kRetry);
  }

  void Next(Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    calling = again = false;
    if (closed) return;
    auto me = shared_from_this();
    next = timer.RunAfter(delay, [me] { me->Call(); });
  }

  void Complain(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const TimePoint now = timer.Now();
    if (now - complained < kComplain) return;
    complained = now;
    LogWarning("waiting for the scheduler: ", Describe(status));
  }
};

Member::Member(Coordinator& coordinator, Timer& timer, pb::JoinRequest self, Callbacks callbacks)
    : state_(std::make_shared<State>(coordinator, timer)) {
  pb::WatchRequest who;
  who.set_name(self.name());
  who.set_incarnation(self.incarnation());
  auto on_assignments = callbacks.on_assignments;
  state_->self = std::move(self);
  state_->callbacks = std::move(callbacks);
  state_->Call();
  follower_ =
      std::make_unique<PlanFollower>(coordinator, timer, who, std::move(on_assignments), nullptr);
}

Member::~Member() {
  follower_.reset();
  MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->timer.Cancel(state_->next);
  while (state_->starting) state_->asked.Wait(state_->mutex);
}

void Member::ReportNow() { state_->Call(); }

void Member::Leave() {
  follower_.reset();
  pb::HeartbeatRequest last;
  {
    MutexLock lock(state_->mutex);
    state_->closed = true;
    state_->timer.Cancel(state_->next);
    while (state_->starting) state_->asked.Wait(state_->mutex);
    if (!state_->joined) return;
    last = state_->NewHeartbeat();
  }
  last.set_leaving(true);
  const TimePoint begun = Clock::now();
  do {  // an orderly stop that nobody hears of looks like a death
    auto answered = std::make_shared<std::promise<absl::Status>>();
    auto future = answered->get_future();
    state_->coordinator.Heartbeat(
        last, [answered](const auto& reply) { answered->set_value(reply.status()); });
    if (future.wait_until(begun + kLeavePatience) != std::future_status::ready) return;
    const absl::Status status = future.get();
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return;
    std::this_thread::sleep_for(kRetry);
  } while (Clock::now() < begun + kLeaveRetries);
}

}  // namespace paracord
