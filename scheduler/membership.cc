#include "scheduler/membership.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "common/base/name.h"
#include "common/base/status.h"
#include "scheduler/compute_class.h"

namespace paracord {
namespace {

constexpr Duration kLongestGap = seconds(1);
constexpr size_t kMaxMembers = 4096;
constexpr size_t kShownName = 128;
constexpr int kMostGpus = 64;
constexpr uint32_t kMostSlots = 1024;  // of one GPU
constexpr size_t kMostWords = 4096;

// What is counted, and shown to people, also of bytes from a network.
absl::Status CheckGpus(const pb::JoinRequest& request) {
  bool good = request.gpus_size() <= kMostGpus && request.no_gpus().size() <= kMostWords;
  int64_t last = -1;
  for (const pb::Gpu& gpu : request.gpus()) {
    good = good && gpu.index() > last && gpu.slots() > 0 && gpu.slots() <= kMostSlots;
    good = good && gpu.compute().device() == kCuda && gpu.name().size() <= kMostWords;
    last = gpu.index();
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      request.name(), " describes its GPUs wrongly; expected at most ", kMostGpus,
      " in rising order, each of a class of device cuda and with 1 to ", kMostSlots, " slots"));
}

absl::Status CheckRequest(const pb::JoinRequest& request) {
  if (request.role() != pb::SERVER && request.role() != pb::WORKER) {
    return absl::InvalidArgumentError("a member's role is SERVER or WORKER");
  }
  if (!IsName(request.name())) {
    return absl::InvalidArgumentError(
        absl::StrCat("found name '", absl::CHexEscape(request.name().substr(0, kShownName)),
                     "', expected ", kNameRule));
  }
  if (request.incarnation() == 0) return absl::InvalidArgumentError("incarnation 0");
  RETURN_IF_ERROR(CheckGpus(request));
  if (request.role() == pb::WORKER && request.slots() == 0 && request.gpus().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(request.name(), " has no slots and no GPU"));
  }
  return absl::OkStatus();
}

}  // namespace

const char* Name(KnownMember::State state) {
  switch (state) {
    case KnownMember::State::kReady:
      return "READY";
    case KnownMember::State::kLost:
      return "LOST";
    case KnownMember::State::kLeft:
      return "LEFT";
  }
  return "";
}

const pb::ShardReport* KnownMember::FindShard(const std::string& job, uint32_t index) const {
  for (const pb::ShardReport& shard : report.shards()) {
    if (shard.job() == job && shard.index() == index) return &shard;
  }
  return nullptr;
}

Membership::Membership(Duration lease, Duration heartbeat, Moment start)
    : lease_(lease),
      after_cut_(heartbeat * 3 / 2),
      gap_(std::min<Duration>(kLongestGap, lease / 2)),
      last_tick_(start.at),
      awaited_until_(start.at + lease + seconds(1)) {}

TimePoint Membership::EndOfLease(const KnownMember& member) const {
  const TimePoint end = member.renewed + lease_;
  return member.cut ? std::min(end, *member.cut + after_cut_) : end;
}

absl::Status Membership::CheckJoin(const pb::JoinRequest& request, Moment now) const {
  RETURN_IF_ERROR(CheckRequest(request));
  const KnownMember* old = Find(request.name());
  if (old == nullptr) {
    if (members_.size() < kMaxMembers) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("there are ", kMaxMembers, " members"));
  }
  const bool alive = old->ready() && now.at < EndOfLease(*old);
  const bool same = old->who.identity() == request.identity() && old->who.role() == request.role();
  if (!alive || same) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "the name ", request.name(), " belongs to the live ", pb::Role_Name(old->who.role()), " ",
      old->who.identity(), " at ", old->who.address(), " (pid ", old->who.pid(), "); the ",
      pb::Role_Name(request.role()), " ", request.identity(), " at ", request.address(), " (pid ",
      request.pid(), ") needs another name"));
}

absl::Status Membership::Join(const pb::JoinRequest& request, Moment arrived) {
  RETURN_IF_ERROR(CheckJoin(request, arrived));
  KnownMember& member = members_[request.name()];
  const bool same = member.ready() && member.who.incarnation() == request.incarnation();
  if (!same) {
    member.report.Clear();
    member.heard.reset();
    member.since_unix_ms = arrived.unix_ms;
  }
  member.who = request;
  *member.report.mutable_stored() = request.stored();
  member.state = KnownMember::State::kReady;
  member.renewed = std::max(member.renewed, arrived.at);
  member.cut.reset();
  return absl::OkStatus();
}

absl::Status Membership::Heartbeat(const pb::HeartbeatRequest& request, Moment arrived) {
  const auto found = members_.find(request.name());
  if (found == members_.end() || !found->second.ready() ||
      found->second.who.incarnation() != request.incarnation()) {
    return absl::NotFoundError(absl::StrCat(request.name(), " is not a member now; join again"));
  }
  KnownMember& member = found->second;
  member.report = request;
  member.renewed = std::max(member.renewed, arrived.at);
  member.heard = arrived.at;
  if (member.cut && arrived.at > *member.cut) member.cut.reset();
  if (request.leaving()) {
    member.state = KnownMember::State::kLeft;
    member.since_unix_ms = arrived.unix_ms;
  }
  return absl::OkStatus();
}

void Membership::Cut(const std::string& name, uint64_t incarnation, TimePoint at) {
  const auto found = members_.find(name);
  if (found == members_.end() || found->second.who.incarnation() != incarnation) return;
  if (found->second.who.role() == pb::WORKER) found->second.cut = at;
}

void Membership::Mend(const std::string& name, uint64_t incarnation) {
  const auto found = members_.find(name);
  if (found == members_.end() || found->second.who.incarnation() != incarnation) return;
  found->second.cut.reset();
}

void Membership::Tick(Moment now) {
  const Duration gap = now.at - last_tick_;
  last_tick_ = now.at;
  if (gap > gap_) {
    for (auto& [name, member] : members_) {
      member.renewed = std::max(member.renewed, now.at);
      member.cut.reset();
    }
    awaited_until_ += gap;
  }
  for (auto& [name, member] : members_) {
    if (!member.ready() || now.at < EndOfLease(member)) continue;
    member.state = KnownMember::State::kLost;
    member.since_unix_ms = now.unix_ms;
  }
}

Membership::Presence Membership::PresenceOf(const std::string& name, uint64_t incarnation) const {
  const KnownMember* member = Find(name);
  if (member == nullptr) {
    return last_tick_ < awaited_until_ ? Presence::kAwaited : Presence::kGone;
  }
  const bool here = member->ready() && member->who.incarnation() == incarnation;
  return here ? Presence::kHere : Presence::kGone;
}

Duration Membership::AbsenceOf(const std::string& name, TimePoint now) const {
  const KnownMember* member = Find(name);
  if (member != nullptr && member->ready()) return Duration::zero();
  return std::max(Duration::zero(), now - (member == nullptr ? awaited_until_ : member->renewed));
}

const KnownMember* Membership::Find(const std::string& name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? nullptr : &found->second;
}

std::vector<const KnownMember*> Membership::Ready(pb::Role role) const {
  std::vector<const KnownMember*> ready;
  for (const auto& [name, member] : members_) {
    if (member.ready() && member.who.role() == role) ready.push_back(&member);
  }
  return ready;
}

}  // namespace paracord
