#include "scheduler/checkpoints.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/job/history.h"
#include "common/job/key_range.h"
#include "scheduler/evaluations.h"
#include "scheduler/origin.h"
#include "scheduler/planner.h"

namespace paracord {
namespace {

constexpr double kOrderSeconds = 1.5;  // until an order has come to every shard
constexpr uint64_t kLeastLead = 2;     // steps
constexpr uint64_t kMostLead = 1 << 20;
constexpr int64_t kCopyPatienceMs = 600'000;

const KnownMember* ServerOf(const pb::ShardRange& shard, const Membership& members) {
  return members.Find(shard.server());
}

const pb::StoredRange* Find(const KnownMember& server, const pb::Plan& plan,
                            const pb::ShardRange& shard, uint64_t step) {
  const pb::StoredRange* found = nullptr;
  for (const pb::StoredRange& stored : server.report.stored()) {
    const bool same = SameHistory(stored, plan) && stored.step() == step &&
                      stored.block_begin() == shard.block_begin() &&
                      stored.block_end() == shard.block_end();
    // Of what an orderly stop has left only the job's last step is one.
    const bool good = stored.stopped() == 0 || plan.phase() == pb::Plan::FINISHED;
    if (same && good && (found == nullptr || stored.ahead() > found->ahead())) found = &stored;
  }
  return found;
}

// Steps that the first shard has stored and that are no checkpoints yet.
std::set<uint64_t> Candidates(const Job& job, const Membership& members) {
  std::set<uint64_t> steps;
  const KnownMember* server = ServerOf(job.plan().shards(0), members);
  if (server == nullptr) return steps;
  uint64_t newest = 0;
  for (const pb::StoredStep& known : job.status().checkpoints()) {
    if (known.history() == job.plan().history()) newest = std::max(newest, known.step() + 1);
  }
  for (const pb::StoredRange& stored : server->report.stored()) {
    if (SameHistory(stored, job.plan()) && stored.step() >= newest) steps.insert(stored.step());
  }
  return steps;
}

// True: every shard has it, and it is one now.
bool Commit(Job& job, uint64_t step, const Membership& members, Moment now) {
  pb::StoredStep checkpoint;
  checkpoint.set_step(step);
  checkpoint.set_history(job.plan().history());
  checkpoint.set_committed_at_unix_ms(now.unix_ms);
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const KnownMember* server = ServerOf(shard, members);
    const pb::StoredRange* stored =
        server == nullptr ? nullptr : Find(*server, job.plan(), shard, step);
    if (stored == nullptr) return false;
    pb::StoredShard* part = checkpoint.add_shards();
    part->set_server(shard.server());
    part->set_block_begin(shard.block_begin());
    part->set_block_end(shard.block_end());
    part->set_ahead(stored->ahead());
    part->set_bytes(stored->bytes());
    part->set_hash(stored->hash());
    checkpoint.set_bytes(checkpoint.bytes() + stored->bytes());
    checkpoint.set_stall_ms(std::max(checkpoint.stall_ms(), stored->stall_ms()));
  }
  *job.record.mutable_status()->add_checkpoints() = checkpoint;
  job.must_save = true;
  LogInfo(job.id(), ": step ", step, " is stored on all servers");
  return true;
}

// The newest `keep`, those at multiples of keep_every and the best; the job's last step is the
// newest.
void Retain(Job& job) {
  const CheckpointSpec& spec = job.spec.checkpoint;
  auto* all = job.record.mutable_status()->mutable_checkpoints();
  uint32_t newer = 0;
  for (int i = all->size() - 1; i >= 0; --i) {
    const pb::StoredStep& checkpoint = all->Get(i);
    const bool good = checkpoint.damage().empty();
    const bool multiple = spec.keep_every > 0 && checkpoint.step() % spec.keep_every == 0;
    const bool kept = newer < spec.keep || (good && multiple) || MayBeBest(job, checkpoint);
    newer += good ? 1 : 0;
    if (kept) continue;
    all->DeleteSubrange(i, 1);
    job.must_save = true;
  }
}

void CommitAll(Job& job, const Membership& members, Moment now) {
  if (job.plan().shards().empty()) return;
  for (const uint64_t step : Candidates(job, members)) {
    if (!Commit(job, step, members, now)) continue;
    if (step >= job.record.save_at()) job.record.set_save_at(0);
    job.stored_at_unix_ms = now.unix_ms;
  }
  MarkBest(job);
  Retain(job);
}

const pb::ShardReport* ReportOf(const Job& job, const pb::ShardRange& shard,
                                const Membership& members) {
  const KnownMember* server = ServerOf(shard, members);
  const pb::ShardReport* report =
      server == nullptr ? nullptr : server->FindShard(job.id(), shard.index());
  return report != nullptr && report->history() == job.plan().history() ? report : nullptr;
}

// Every shard has written its part of the step's copy.
bool IsCopied(const Job& job, uint64_t step, const Membership& members) {
  const auto& shards = job.plan().shards();
  return std::all_of(shards.begin(), shards.end(), [&](const pb::ShardRange& shard) {
    const pb::ShardReport* report = ReportOf(job, shard, members);
    if (report == nullptr) return false;
    const auto& steps = report->copied_steps();
    return std::find(steps.begin(), steps.end(), step) != steps.end();
  });
}

void NoteCopies(Job& job, const Membership& members) {
  if (job.spec.checkpoint.copy_to.empty()) return;
  for (pb::StoredStep& checkpoint : *job.record.mutable_status()->mutable_checkpoints()) {
    const bool now = !checkpoint.copied() && checkpoint.history() == job.plan().history();
    if (!now || !IsCopied(job, checkpoint.step(), members)) continue;
    checkpoint.set_copied(true);
    job.must_save = true;
  }
}

// What is ahead of every shard by the time they hear of it; nullopt: the job is over by then.
std::optional<uint64_t> StepAhead(const Job& job, const Membership& members) {
  uint64_t reached = job.status().step();
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const pb::ShardReport* report = ReportOf(job, shard, members);
    if (report != nullptr) reached = std::max<uint64_t>(reached, report->version());
  }
  const double rate = job.status().samples_per_second() / std::max(1u, job.spec.batch_size);
  const double lead = std::ceil(std::min(rate * kOrderSeconds, double{kMostLead}));
  const uint64_t step =
      reached + (kLeastLead + static_cast<uint64_t>(std::max(0.0, lead))) * job.save_margin;
  if (job.last_step() > 0 && step >= job.last_step()) return std::nullopt;
  return step;
}

bool Missed(const Job& job, const Membership& members) {
  const auto& shards = job.plan().shards();
  return std::any_of(shards.begin(), shards.end(), [&](const pb::ShardRange& shard) {
    const pb::ShardReport* report = ReportOf(job, shard, members);
    return report != nullptr && report->missed() == job.record.save_at();
  });
}

void Order(Job& job, uint64_t step) {
  job.record.set_save_at(step);
  job.must_save = true;
}

void OrderByTime(Job& job, const Membership& members, Moment now) {
  if (job.record.save_at() > 0) {
    if (!Missed(job, members)) return;
    job.save_margin = std::min<uint64_t>(2 * job.save_margin, 64);
    Order(job, StepAhead(job, members).value_or(0));
    return;
  }
  if (job.stored_at_unix_ms == 0) job.stored_at_unix_ms = now.unix_ms;
  const int64_t every_ms = job.spec.checkpoint.every_ns / 1'000'000;
  if (every_ms == 0 || now.unix_ms < job.stored_at_unix_ms + every_ms) return;
  job.stored_at_unix_ms = now.unix_ms;  // one that fails is tried again after as long
  if (const auto step = StepAhead(job, members)) Order(job, *step);
}

// A failure is shown until a shard has written again.
void TakeFailures(Job& job, const Membership& members, Moment now) {
  std::string error;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const pb::ShardReport* report = ReportOf(job, shard, members);
    if (report == nullptr || report->store_error().empty()) continue;
    error = absl::StrCat(shard.server(), ": ", report->store_error());
    break;
  }
  pb::JobStatus* status = job.record.mutable_status();
  if (error == status->checkpoint_error()) return;
  status->set_checkpoint_error(error);
  job.Note(error.empty() ? "checkpoints can be written again"
                         : absl::StrCat("a checkpoint could not be written: ", error),
           now);
  if (!error.empty()) job.record.set_save_at(0);
}

bool IsPart(const pb::StoredStep& checkpoint, const std::string& server,
            const pb::StoredRange& stored) {
  if (checkpoint.history() != stored.history() || checkpoint.step() != stored.step()) return false;
  return std::any_of(checkpoint.shards().begin(), checkpoint.shards().end(),
                     [&](const pb::StoredShard& part) {
                       return part.server() == server && part.hash() == stored.hash();
                     });
}

bool Needed(const Job& job, const std::string& server, const pb::StoredRange& stored) {
  const auto& checkpoints = job.status().checkpoints();
  uint64_t newest = 0;
  for (const pb::StoredStep& checkpoint : checkpoints) {
    if (IsPart(checkpoint, server, stored)) return true;
    if (checkpoint.history() == job.plan().history()) newest = checkpoint.step();
  }
  // On its way to be one, or what a server that stopped in order comes back with.
  return !job.ended() && stored.history() >= job.plan().history() && stored.step() >= newest;
}

// The job's only trouble: it has its last step, and the servers have it.
void NoteNoCopy(Job& job, uint64_t step, const std::string& why, Moment now) {
  if (job.status().checkpoint_error().empty()) {
    job.record.mutable_status()->set_checkpoint_error(
        absl::StrCat("the last step has no copy: ", why));
  }
  job.Note(absl::StrCat("step ", step, " was not copied to ", job.spec.checkpoint.copy_to, ": ",
                        job.status().checkpoint_error()),
           now);
}

}  // namespace

std::vector<pb::Wait> AwaitCopy(Job& job, const pb::StoredStep& last, const Membership& members,
                                Moment now) {
  if (job.spec.checkpoint.copy_to.empty() || last.copied()) return {};
  std::vector<pb::Wait> waits;
  std::string lost;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const auto presence = members.PresenceOf(shard.server(), shard.incarnation());
    if (presence == Membership::Presence::kGone) {
      lost = absl::StrCat(shard.server(), " ended before it had written its part");
    }
    const pb::ShardReport* report = ReportOf(job, shard, members);
    if (report != nullptr && report->bytes() == 0) continue;  // it has tried, and ended
    waits.push_back(
        MakeWait(shard.server(), absl::StrCat("writes its part of the copy of step ", last.step(),
                                              " to ", job.spec.checkpoint.copy_to)));
  }
  const bool late = now.unix_ms >= last.committed_at_unix_ms() + kCopyPatienceMs;
  if (lost.empty() && !late && !waits.empty()) return waits;
  if (lost.empty() && late && !waits.empty()) lost = waits[0].who() + " is still writing its part";
  NoteNoCopy(job, last.step(), lost.empty() ? "a part of it is missing" : lost, now);
  return {};
}

void CheckCheckpoints(Job& job, const Membership& members, Moment now) {
  CommitAll(job, members, now);
  NoteCopies(job, members);
  TakeFailures(job, members, now);
  if (!job.training()) return;
  OrderByTime(job, members, now);
}

pb::StoredStep* FindCheckpoint(Job& job, uint64_t history, uint64_t step) {
  for (pb::StoredStep& checkpoint : *job.record.mutable_status()->mutable_checkpoints()) {
    if (checkpoint.history() == history && checkpoint.step() == step) return &checkpoint;
  }
  return nullptr;
}

const pb::StoredStep* NewestGood(const Job& job, std::optional<uint64_t> step) {
  const auto& all = job.status().checkpoints();
  for (int i = all.size() - 1; i >= 0; --i) {
    if (all[i].damage().empty() && all[i].step() == step.value_or(all[i].step())) return &all[i];
  }
  return nullptr;
}

bool IsStart(const Job& job, const pb::StoredStep* checkpoint) {
  if (checkpoint == nullptr) return true;
  return checkpoint->step() == 0 && job.spec.init.safetensors.empty();
}

absl::Status NoCheckpoint(const Job& job, std::optional<uint64_t> step) {
  std::vector<uint64_t> steps;
  for (const pb::StoredStep& checkpoint : job.status().checkpoints()) {
    if (checkpoint.damage().empty()) steps.push_back(checkpoint.step());
  }
  return absl::NotFoundError(absl::StrCat(
      job.id(), " has no good checkpoint", step.has_value() ? absl::StrCat(" of step ", *step) : "",
      steps.empty() ? "; it has none" : absl::StrCat("; it has ", absl::StrJoin(steps, ", "))));
}

void MarkDamaged(Job& job, pb::StoredStep& checkpoint, const std::string& why, Moment now) {
  if (!checkpoint.damage().empty()) return;
  checkpoint.set_damage(why);
  job.Note(absl::StrCat("the checkpoint of step ", checkpoint.step(), " cannot be used: ", why),
           now);
}

pb::HeartbeatReply Unneeded(const JobTable& table, const pb::HeartbeatRequest& heartbeat) {
  pb::HeartbeatReply reply;
  for (const pb::StoredRange& stored : heartbeat.stored()) {
    const Job* job = stored.cluster() == table.cluster() ? table.Get(stored.job()) : nullptr;
    if (job == nullptr || Needed(*job, heartbeat.name(), stored)) continue;
    if (!BeganWith(table, stored)) *reply.add_drop() = stored;
  }
  return reply;
}

absl::StatusOr<uint64_t> OrderCheckpoint(Job& job, const Membership& members) {
  if (!job.training()) {
    return absl::FailedPreconditionError(
        absl::StrCat(job.id(), " does not train now: ", pb::JobState_Name(job.state())));
  }
  if (job.record.save_at() > 0) return job.record.save_at();
  const auto step = StepAhead(job, members);
  if (!step.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(job.id(), " is at step ", job.status().step(), " of ", job.last_step(),
                     " and about to end; its last step is stored anyhow"));
  }
  Order(job, *step);
  return *step;
}

absl::Status DeleteCheckpoint(Job& job, uint64_t step, Moment now) {
  auto* all = job.record.mutable_status()->mutable_checkpoints();
  for (int i = all->size() - 1; i >= 0; --i) {
    if (all->Get(i).step() != step) continue;
    if (!job.ended() && &all->Get(i) == NewestGood(job)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "step ", step, " is what ", job.id(),
          " goes back to if a server dies; it goes by itself ", "when there are newer ones"));
    }
    all->DeleteSubrange(i, 1);
    job.Note(absl::StrCat("the checkpoint of step ", step, " was deleted"), now);
    return absl::OkStatus();
  }
  return NoCheckpoint(job, step);
}

}  // namespace paracord
