// Who is there: servers and worker daemons, their leases and incarnations. Plain object, no
// threads; the caller's clock.
//
// A lease ends a fixed time after the last heartbeat, on this clock alone. A worker's ends sooner
// if its connection has, as a dead process's does: one and a half heartbeats after that, unless it
// is heard of again. (A server's loss costs its jobs, and is not called early.) When the clock's
// owner itself was stopped (a gap between two ticks), all leases are renewed: nobody is called lost
// for somebody else's pause. After a start of the scheduler a name that has not joined yet is
// awaited for one lease and a second before it counts as gone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/coordinator.pb.h"
#include "scheduler/moment.h"

namespace paracord {

struct KnownMember {
  enum class State { kReady, kLost, kLeft };
  pb::JoinRequest who;          // as it joined last
  pb::HeartbeatRequest report;  // its last one; `stored` begins with what it joined with
  State state = State::kReady;
  TimePoint renewed{};             // its last sign of life
  std::optional<TimePoint> cut;    // its connection has ended, and it was not heard of since
  std::optional<TimePoint> heard;  // its last heartbeat; empty: none since it joined
  int64_t since_unix_ms = 0;       // when `state` began

  const std::string& name() const { return who.name(); }
  bool ready() const { return state == State::kReady; }
  // What its last heartbeat says of one shard; null: nothing.
  const pb::ShardReport* FindShard(const std::string& job, uint32_t index) const;
};

const char* Name(KnownMember::State state);  // "READY"

class Membership {
 public:
  Membership(Duration lease, Duration heartbeat, Moment start);

  // A new incarnation of the same directory replaces the old one at once.
  // AlreadyExists: the name belongs to a live member of another directory. InvalidArgument: the
  // request makes no sense.
  absl::Status Join(const pb::JoinRequest& request, Moment arrived);
  // NotFound: this incarnation is not, or no longer, a member; it joins again.
  absl::Status Heartbeat(const pb::HeartbeatRequest& request, Moment arrived);
  // Its connection has ended; and it has one again.
  void Cut(const std::string& name, uint64_t incarnation, TimePoint at);
  void Mend(const std::string& name, uint64_t incarnation);
  // Ends the leases that are over. To be called at least four times a lease, and after everything
  // that has arrived until `now`.
  void Tick(Moment now);

  enum class Presence { kHere, kAwaited, kGone };
  // Of one incarnation that a plan names.
  Presence PresenceOf(const std::string& name, uint64_t incarnation) const;
  // Since its last sign of life, or since it was awaited no more; zero: it is ready, or awaited.
  Duration AbsenceOf(const std::string& name, TimePoint now) const;
  // Null: never seen since the start. The pointer lives until the next Join.
  const KnownMember* Find(const std::string& name) const;
  // In name order.
  std::vector<const KnownMember*> Ready(pb::Role role) const;
  const std::map<std::string, KnownMember>& all() const { return members_; }

 private:
  absl::Status CheckJoin(const pb::JoinRequest& request, Moment now) const;
  TimePoint EndOfLease(const KnownMember& member) const;

  const Duration lease_, after_cut_;
  const Duration gap_;  // between two ticks: from here on it was the clock's owner that paused
  std::map<std::string, KnownMember> members_;
  TimePoint last_tick_;
  TimePoint awaited_until_;
};

}  // namespace paracord
