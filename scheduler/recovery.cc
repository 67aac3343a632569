#include "scheduler/recovery.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/units.h"
#include "common/job/history.h"
#include "scheduler/checkpoints.h"
#include "scheduler/compute_class.h"
#include "scheduler/gpu_needs.h"
#include "scheduler/origin.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/server_grace.h"
#include "scheduler/shard_reports.h"
#include "scheduler/slots.h"

namespace paracord {
namespace {

using Presence = Membership::Presence;

BlockRange RangeOf(const pb::ShardRange& shard) { return {shard.block_begin(), shard.block_end()}; }

std::string Away(const Job& job, const pb::ShardRange& shard, const KnownMember* server) {
  const pb::StoredAtStop* stop = job.StoppedAt(shard.server());
  if (stop != nullptr) {
    return absl::StrCat("stopped in order at step ", stop->step(), "; waiting for it to return");
  }
  const bool left = server != nullptr && server->state == KnownMember::State::kLeft;
  return absl::StrCat(left ? "stopped" : "is gone", "; waiting for it to return, to go back to ",
                      NewestGood(job) == nullptr ? "the first values"
                                                 : absl::StrCat("step ", NewestGood(job)->step()));
}

// A stop may have stored the same step, too. No hash: it is the checkpoint's, on whatever disk.
bool HasPart(const pb::StoredStep& checkpoint, const std::string& hash) {
  return hash.empty() ||
         std::any_of(checkpoint.shards().begin(), checkpoint.shards().end(),
                     [&](const pb::StoredShard& part) { return part.hash() == hash; });
}

void CheckHere(Job& job, const pb::ShardRange& shard, const KnownMember& server,
               ServerFindings& findings, Moment now) {
  const pb::ShardReport* report = server.FindShard(job.id(), shard.index());
  // One that is refused has no history.
  const bool current =
      report != nullptr && (report->history() == 0 || report->history() == job.plan().history());
  if (current && report->unreadable_history() > 0) {
    pb::StoredStep* damaged =
        FindCheckpoint(job, report->unreadable_history(), report->unreadable_step());
    const std::string why = absl::StrCat(shard.server(), ": ", report->error());
    if (damaged != nullptr && HasPart(*damaged, report->unreadable_hash())) {
      MarkDamaged(job, *damaged, why, now);
    }
    findings.back = absl::StrCat(shard.server(), " cannot read step ", report->unreadable_step());
    return;
  }
  if (current && !report->error_code().empty()) {
    return job.Fail(MakeFailure(report->error_code(), report->error(), shard.server()), now);
  }
  const uint64_t adopted = report == nullptr ? 0 : report->plan();
  if (adopted < job.plan().number()) {
    findings.waits.push_back(MakeWait(
        shard.server(), absl::StrCat("adopts plan ", job.plan().number(), ", has plan ", adopted)));
  }
}

// It has been gone for too long.
void GiveUp(const Job& job, const pb::ShardRange& shard, ServerFindings& findings) {
  if (CanMoveShards(job)) {
    findings.back = absl::StrCat(shard.server(), " does not come back, its blocks go to others");
    return;
  }
  findings.waits.back().set_what(
      absl::StrCat("is gone, with blocks [", shard.block_begin(), ", ", shard.block_end(),
                   ") of step ", NewestGood(job)->step(), ", which are nowhere else: ",
                   job.spec.checkpoint.copy_to.empty() ? "the job has no checkpoint.copy_to"
                                                       : "no checkpoint was copied whole",
                   "; it goes on when the server is back"));
}

void CheckAbsent(const Job& job, const pb::ShardRange& shard, const Situation& situation,
                 ServerFindings& findings) {
  const Membership& members = situation.members;
  const KnownMember* server = members.Find(shard.server());
  if (server == nullptr &&
      members.PresenceOf(shard.server(), shard.incarnation()) == Presence::kAwaited) {
    findings.waits.push_back(
        MakeWait(shard.server(), "has not joined again since the scheduler started"));
  } else if (server == nullptr || !server->ready()) {
    findings.waits.push_back(MakeWait(shard.server(), Away(job, shard, server)));
    if (IsGivenUp(job, shard.server(), situation)) GiveUp(job, shard, findings);
  } else if (StopStep(job.plan(), shard, *server).has_value()) {
    findings.returned.insert(shard.server());
  } else {
    findings.back = absl::StrCat(shard.server(), " at ", shard.address(),
                                 " died and was started again (pid ", server->who.pid(), ")");
  }
}

bool Holds(const KnownMember& server, const Job& job, uint64_t history, uint64_t step,
           const pb::StoredShard& part) {
  const auto& stored = server.report.stored();
  return std::any_of(stored.begin(), stored.end(), [&](const pb::StoredRange& range) {
    return range.cluster() == job.plan().cluster() && range.job() == job.id() &&
           range.history() == history && range.step() == step && range.hash() == part.hash() &&
           range.block_begin() == part.block_begin() && range.ahead() == part.ahead();
  });
}

bool HoldsAny(const KnownMember& server, const Job& job) {
  for (const pb::StoredStep& checkpoint : job.status().checkpoints()) {
    for (const pb::StoredShard& part : checkpoint.shards()) {
      if (part.server() == server.name() &&
          Holds(server, job, checkpoint.history(), checkpoint.step(), part)) {
        return true;
      }
    }
  }
  return false;
}

// Where to go back to, every server being there, or from a copy; nullopt: somebody has not what he
// should have.
std::optional<const pb::StoredStep*> Choose(Job& job, bool from_copy, const Resources& resources,
                                            ServerFindings& findings, Moment now) {
  while (true) {
    const pb::StoredStep* to = from_copy ? NewestMovable(job) : NewestGood(job);
    if (IsStart(job, to)) return nullptr;
    pb::StoredStep& checkpoint = *FindCheckpoint(job, to->history(), to->step());
    std::string lacks;
    for (const pb::StoredShard& part : to->shards()) {
      if (to->copied()) continue;
      const KnownMember* server = resources.FindServer(part.server());
      if (server == nullptr) {
        findings.waits.push_back(MakeWait(
            part.server(), absl::StrCat("is not there, and has blocks [", part.block_begin(), ", ",
                                        part.block_end(), ") of step ", to->step(),
                                        ", which the job goes back to; start it again, or choose ",
                                        "another step with paracord checkpoint restore")));
        return std::nullopt;
      }
      if (Holds(*server, job, to->history(), to->step(), part)) continue;
      if (!HoldsAny(*server, job)) {
        findings.waits.push_back(MakeWait(
            part.server(),
            absl::StrCat("came back with nothing of this job on its disk, which should have step ",
                         to->step(), " of blocks [", part.block_begin(), ", ", part.block_end(),
                         "); start it in its own directory, or choose another step with paracord ",
                         "checkpoint restore")));
        return std::nullopt;
      }
      lacks = absl::StrCat(part.server(), " has blocks [", part.block_begin(), ", ",
                           part.block_end(), ") no more, or damaged");
    }
    if (lacks.empty()) return to;
    MarkDamaged(job, checkpoint, lacks, now);
  }
}

// Checkpoints that the job went back past: a part of each is on a server that is gone.
void GiveUpNewer(Job& job, const pb::StoredStep* to, Moment now) {
  auto* all = job.record.mutable_status()->mutable_checkpoints();
  while (!all->empty() && &all->Get(all->size() - 1) != to) {
    const uint64_t step = all->Get(all->size() - 1).step();
    if (to == nullptr && step == 0) return;
    job.Note(
        absl::StrCat("the checkpoint of step ", step, " is given up, as it was not copied whole"),
        now);
    all->RemoveLast();
  }
}

// Tasks for a plan that has none, computing as the plan says.
void PlaceGangAgain(const Job& job, const Resources& resources, Planned& planned, pb::Plan& plan) {
  Candidates candidates = SlotsFor(plan, {}, resources);
  const uint32_t free = FreeIn(candidates);
  if (free < job.needs.min_workers()) {
    const uint32_t needed = job.needs.min_workers();
    planned.waits.push_back(
        MakeWait(job.id(), plan.compute().device() == kCuda
                               ? GpusMissing(needed, free, plan.compute(), resources)
                               : absl::StrCat(needed, " free slots needed, ", free, " free")));
    return;
  }
  for (uint32_t i = 0; i < std::min(free, job.needs.workers()); ++i) {
    const Candidate& taken = *Take(candidates);
    AddTask(plan, *taken.worker, taken.place);
  }
  CutEvenly(plan, job.needs.virtual_workers());
}

std::set<std::string> ServersOf(const pb::Plan& plan) {
  std::set<std::string> servers;
  for (const pb::ShardRange& shard : plan.shards()) servers.insert(shard.server());
  return servers;
}

}  // namespace

ServerFindings CheckServers(Job& job, const Situation& situation) {
  const auto& members = situation.members;
  ServerFindings findings;
  const bool finished = job.plan().phase() == pb::Plan::FINISHED;
  const auto shards = job.plan().shards();  // a failing job changes its own
  for (const pb::ShardRange& shard : shards) {
    if (!job.running()) return findings;
    const bool here = members.PresenceOf(shard.server(), shard.incarnation()) == Presence::kHere;
    const KnownMember* server = members.Find(shard.server());
    const bool stored =
        finished && server != nullptr &&
        BytesStored(server->report.stored(), job.plan(), job.plan().step(), RangeOf(shard))
            .has_value();
    if (stored) continue;
    if (here) {
      CheckHere(job, shard, *server, findings, situation.now);
    } else {
      CheckAbsent(job, shard, situation, findings);
    }
    if (here && finished && job.running()) {
      findings.waits.push_back(
          MakeWait(shard.server(), absl::StrCat("stores step ", job.plan().step())));
    }
  }
  return findings;
}

Planned BackPlan(Job& job, const pb::StoredStep* to, const std::set<std::string>& gone,
                 const Resources& resources) {
  Planned waiting;
  pb::Plan base = job.plan();
  base.set_history(base.history() + 1);
  base.set_phase(pb::Plan::TRAINING);
  base.set_step(to == nullptr ? 0 : to->step());
  base.clear_origin();
  if (to != nullptr) {
    pb::Origin* origin = base.mutable_origin();
    origin->set_cluster(base.cluster());
    origin->set_job(job.id());
    origin->set_history(to->history());
    origin->set_step(to->step());
    *origin->mutable_pieces() = to->shards();
    LocateParts(resources, origin);
    const std::string& copies = job.spec.checkpoint.copy_to;
    if (to->copied()) {
      origin->set_directory(CopyFolder(copies, job.id(), to->step(), to->history()));
    }
  } else if (job.record.has_first_origin()) {
    *base.mutable_origin() = job.record.first_origin();
    waiting.waits = LocateParts(resources, base.mutable_origin());
  }
  const auto moved = MoveShards(job, gone, resources, &base);
  waiting.waits.insert(waiting.waits.end(), moved.begin(), moved.end());
  if (!waiting.waits.empty()) return waiting;
  // What those who are done did is undone; their processes have ended, or are about to.
  std::set<uint32_t> lost = job.LostRanks();
  for (const pb::TaskSlot& slot : job.plan().tasks()) {
    if (job.TaskIs(slot.rank(), kTaskDone)) lost.insert(slot.rank());
  }
  const Changes changes{std::move(lost), ServersOf(base), false};
  Planned planned = NextPlan(base, changes, resources);
  if (planned.plan.has_value() && planned.plan->tasks().empty()) {
    PlaceGangAgain(job, resources, planned, *planned.plan);
    if (!planned.waits.empty()) planned.plan.reset();
  }
  return planned;
}

void GoBack(Job& job, ServerFindings& findings, const Situation& situation) {
  const std::set<std::string> gone = ServersGivenUp(job, situation);
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const KnownMember* server = situation.members.Find(shard.server());
    const bool ready = server != nullptr && server->ready();
    if (!ready && gone.count(shard.server()) == 0) return;  // waited for already
  }
  if (!gone.empty() && !CanMoveShards(job)) return;
  const auto to = Choose(job, !gone.empty(), situation.Available(), findings, situation.now);
  if (!to.has_value()) return;
  Planned planned = BackPlan(job, *to, gone, situation.Available());
  findings.waits.insert(findings.waits.end(), planned.waits.begin(), planned.waits.end());
  if (!planned.plan.has_value()) return;
  job.Publish(
      *planned.plan,
      absl::StrCat(findings.back, ": all go back from step ", job.status().step(), " to ",
                   *to == nullptr ? "the first values" : absl::StrCat("step ", (*to)->step())),
      situation.now);
  if (!gone.empty()) GiveUpNewer(job, *to, situation.now);
}

namespace {

// Of a job that has ended: its servers have given its memory to others, perhaps.
absl::Status CheckMemory(Job& job, const Resources& resources) {
  if (!job.ended()) return absl::OkStatus();
  std::map<std::string, uint64_t> needed;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    needed[shard.server()] += job.needs.BytesOf({shard.block_begin(), shard.block_end()});
  }
  for (const auto& [name, bytes] : needed) {
    const uint64_t free = resources.FreeMemory(*resources.FindServer(name));
    if (free >= bytes) continue;
    return absl::FailedPreconditionError(absl::StrCat(FormatBytes(bytes), " of memory on ", name,
                                                      " needed, ", FormatBytes(free), " free"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RestoreTo(Job& job, uint64_t step, const Situation& situation) {
  if (job.plan().number() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(job.id(), " has not started yet"));
  }
  const pb::StoredStep* to = NewestGood(job, step);
  if (step == 0 && IsStart(job, to)) to = nullptr;
  if (to == nullptr && step > 0) return NoCheckpoint(job, step);
  const Resources resources = situation.Available();
  for (const pb::ShardRange& shard : job.plan().shards()) {
    if (resources.FindServer(shard.server()) == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(shard.server(), " is not there"));
    }
  }
  if (to != nullptr) {
    for (const pb::StoredShard& part : to->shards()) {
      if (to->copied()) continue;
      const KnownMember* server = resources.FindServer(part.server());
      if (server != nullptr && Holds(*server, job, to->history(), step, part)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat(part.server(), " does not have its part of step ", step, ", blocks [",
                       part.block_begin(), ", ", part.block_end(), ")"));
    }
  }
  RETURN_IF_ERROR(CheckMemory(job, resources));
  Planned planned = BackPlan(job, to, {}, resources);
  if (!planned.plan.has_value()) {
    return absl::FailedPreconditionError(planned.waits.empty() ? "no plan"
                                                               : planned.waits[0].what());
  }
  auto* all = job.record.mutable_status()->mutable_checkpoints();
  const pb::StoredStep* last = NewestGood(job, step);
  while (!all->empty() && &all->Get(all->size() - 1) != last) all->RemoveLast();
  job.Reopen(situation.now);
  job.Publish(*planned.plan,
              absl::StrCat("sent back from step ", job.status().step(), " to step ", step),
              situation.now);
  return absl::OkStatus();
}

}  // namespace paracord
