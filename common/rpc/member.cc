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

// Starts a call and waits for its answer. DeadlineExceeded: none came until `until`.
template <class Reply, class Start>
absl::Status Ask(TimePoint until, Start start) {
  auto answered = std::make_shared<std::promise<absl::Status>>();
  auto future = answered->get_future();
  start([answered](const absl::StatusOr<Reply>& reply) { answered->set_value(reply.status()); });
  if (future.wait_until(until) == std::future_status::ready) return future.get();
  return absl::DeadlineExceededError("no answer in time");
}

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
  bool known ABSL_GUARDED_BY(mutex) = false;    // it has joined once
  bool joining ABSL_GUARDED_BY(mutex) = false;  // a join is under way
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
      is_join = joining = !joined;
      if (is_join) {
        join = NewJoin();
      } else {
        heartbeat = NewHeartbeat();
      }
    }
    auto me = shared_from_this();
    if (is_join) {
      coordinator.Join(join, [me](absl::StatusOr<pb::JoinReply> r) { me->Joined(std::move(r)); });
    } else {
      coordinator.Heartbeat(heartbeat,
                            [me](const absl::StatusOr<pb::HeartbeatReply>& r) { me->Answered(r); });
    }
    MutexLock lock(mutex);
    starting = false;
    asked.NotifyAll();
  }

  // No call is started any more, and none is inside the coordinator's method.
  void Close() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    closed = true;
    timer.Cancel(next);
    while (starting) asked.Wait(mutex);
  }

  pb::JoinRequest NewJoin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    pb::JoinRequest join = self;
    callbacks.fill_join(&join);
    return join;
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
      joined = known = true;
      if (reply->heartbeat_ms() > 0) interval = milliseconds(reply->heartbeat_ms());
      LogInfo("joined cluster ", reply->cluster());
    } else if (absl::IsInvalidArgument(reply.status()) && !closed) {
      closed = true;
      callbacks.on_refused(Annotate(reply.status(), "the scheduler refuses this daemon"));
    } else {
      Complain(reply.status());
    }
    Next(reply.ok() ? Duration::zero() : kRetry);
  }

  void Answered(const absl::StatusOr<pb::HeartbeatReply>& reply) {
    const absl::Status& status = reply.status();
    MutexLock lock(mutex);
    if (reply.ok() && !closed && callbacks.on_answer) callbacks.on_answer(*reply);
    if (absl::IsNotFound(status)) joined = false;
    if (!status.ok()) Complain(status);
    const bool now = again || absl::IsNotFound(status);
    Next(now ? Duration::zero() : status.ok() ? interval : kRetry);
  }

  void Next(Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    calling = joining = again = false;
    asked.NotifyAll();
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
  state_->Close();
}

void Member::ReportNow() { state_->Call(); }

void Member::Leave() {
  follower_.reset();
  const TimePoint begun = Clock::now();
  pb::JoinRequest join;
  pb::HeartbeatRequest last;
  bool joined;
  {
    MutexLock lock(state_->mutex);
    state_->Close();
    while (state_->joining && state_->asked.WaitUntil(state_->mutex, begun + kLeaveRetries)) {
    }
    if (!state_->known) return;
    joined = state_->joined;
    join = state_->NewJoin();
    last = state_->NewHeartbeat();
  }
  last.set_leaving(true);
  const TimePoint until = begun + kLeavePatience;
  Coordinator& coordinator = state_->coordinator;
  for (bool again = true; again;) {  // an orderly stop that nobody hears of looks like a death
    absl::Status status;
    if (!joined) {
      status = Ask<pb::JoinReply>(until, [&](auto done) { coordinator.Join(join, done); });
    }
    if (status.ok()) {
      status =
          Ask<pb::HeartbeatReply>(until, [&](auto done) { coordinator.Heartbeat(last, done); });
      joined = !absl::IsNotFound(status);
    }
    const bool absent = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    again = (absent && Clock::now() < begun + kLeaveRetries) ||
            (absl::IsNotFound(status) && Clock::now() < until);
    if (again) std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace paracord
