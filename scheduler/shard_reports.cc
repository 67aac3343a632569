#include "scheduler/shard_reports.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/job/history.h"
#include "scheduler/planner.h"

namespace paracord {
namespace {

constexpr int64_t kReturnMs =
    10'000;  // a server that was killed while it stored the last step may come back with it

BlockRange RangeOf(const pb::ShardRange& shard) { return {shard.block_begin(), shard.block_end()}; }

const pb::ShardReport* ReportOf(const Job& job, const pb::ShardRange& shard,
                                const KnownMember& server) {
  return server.FindShard(job.id(), shard.index());
}

// The newest step of the plan's history that the server holds whole and that nothing it applied is
// newer than.
std::optional<uint64_t> StoppedStep(const Job& job, const pb::ShardRange& shard,
                                    const KnownMember& server) {
  std::optional<uint64_t> newest;
  for (const pb::StoredRange& stored : server.report.stored()) {
    if (newest.has_value() && stored.step() <= *newest) continue;
    if (BytesStored(server.report.stored(), job.plan(), stored.step(), RangeOf(shard))) {
      newest = stored.step();
    }
  }
  const pb::ShardReport* report = ReportOf(job, shard, server);
  const bool older = report != nullptr && newest.has_value() && report->version() > *newest;
  return older ? std::nullopt : newest;
}

void NoteStored(Job& job, uint64_t step, const Membership& members) {
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const pb::StoredAtStop* stop = job.StoppedAt(shard.server());
    if (stop != nullptr && stop->step() == step) job.stored[step].emplace(shard.index(), 0);
    const KnownMember* server = members.Find(shard.server());
    if (server == nullptr) continue;
    const auto bytes = BytesStored(server->report.stored(), job.plan(), step, RangeOf(shard));
    if (bytes.has_value()) job.stored[step][shard.index()] = *bytes;
  }
}

bool IsCheckpoint(const Job& job, uint64_t step) {
  const auto& checkpoints = job.status().checkpoints();
  return std::any_of(checkpoints.begin(), checkpoints.end(),
                     [step](const pb::StoredStep& stored) { return stored.step() == step; });
}

// A step counts once every shard has stored its range of it.
void CommitStored(Job& job, uint64_t step, const Membership& members, Moment now) {
  if (IsCheckpoint(job, step)) return;
  NoteStored(job, step, members);
  const auto& shards = job.stored[step];
  if (shards.size() < static_cast<size_t>(job.plan().shards_size())) return;
  pb::StoredStep* stored = job.record.mutable_status()->add_checkpoints();
  stored->set_step(step);
  stored->set_committed_at_unix_ms(now.unix_ms);
  for (const auto& [index, bytes] : shards) stored->set_bytes(stored->bytes() + bytes);
  job.stored.erase(step);
  job.Note(absl::StrCat("step ", step, " is stored on all servers"), now);
}

void LoseServer(Job& job, const pb::ShardRange& shard, const KnownMember* server, Moment now) {
  std::string what = absl::StrCat(shard.server(), " at ", shard.address());
  if (server == nullptr) {
    absl::StrAppend(&what, " did not come back after the scheduler's restart");
  } else if (server->ready()) {
    absl::StrAppend(&what, " died and was started again (pid ", server->who.pid(), ")");
  } else if (server->state == KnownMember::State::kLeft) {
    absl::StrAppend(&what, " stopped without having stored its blocks");
  } else {
    absl::StrAppend(&what, " has not been heard of for ",
                    (now.unix_ms - server->since_unix_ms) / 1000.0, " s since its lease ended");
  }
  job.Fail(MakeFailure("ServerLost",
                       absl::StrCat(what, "; blocks [", shard.block_begin(), ", ",
                                    shard.block_end(), ") were lost at step ", job.status().step()),
                       shard.server()),
           now);
}

// True: the shard cannot serve, and the job has failed with the server's reason.
bool FailedByServer(Job& job, const pb::ShardRange& shard, const KnownMember& server, Moment now) {
  const pb::ShardReport* report = ReportOf(job, shard, server);
  if (report == nullptr || report->error_code().empty()) return false;
  job.Fail(MakeFailure(report->error_code(), report->error(), shard.server()), now);
  return true;
}

pb::Wait WaitForAdoption(const pb::ShardRange& shard, uint64_t number, uint64_t adopted) {
  return MakeWait(shard.server(), absl::StrCat("adopts plan ", number, ", has plan ", adopted));
}

void CheckReturn(Job& job, const pb::ShardRange& shard, uint64_t step, const KnownMember* server,
                 ShardFindings& findings, Moment now) {
  if (server == nullptr || !server->ready()) {
    findings.waits.push_back(
        MakeWait(shard.server(),
                 absl::StrCat("stopped in order at step ", step, "; waiting for it to return")));
  } else if (BytesStored(server->report.stored(), job.plan(), step, RangeOf(shard))) {
    findings.returned.insert(shard.server());
  } else {
    job.Fail(MakeFailure("DataLoss",
                         absl::StrCat(shard.server(), " came back without step ", step,
                                      " of blocks [", shard.block_begin(), ", ", shard.block_end(),
                                      "), which it had stored when it stopped"),
                         shard.server()),
             now);
  }
}

void CheckTrainingShard(Job& job, const pb::ShardRange& shard, const Membership& members,
                        ShardFindings& findings, Moment now) {
  const KnownMember* server = members.Find(shard.server());
  if (const pb::StoredAtStop* stop = job.StoppedAt(shard.server())) {
    return CheckReturn(job, shard, stop->step(), server, findings, now);
  }
  switch (members.PresenceOf(shard.server(), shard.incarnation())) {
    case Membership::Presence::kGone:
      return LoseServer(job, shard, server, now);
    case Membership::Presence::kAwaited:
      findings.waits.push_back(
          MakeWait(shard.server(), "has not joined again since the scheduler started"));
      return;
    case Membership::Presence::kHere:
      break;
  }
  if (FailedByServer(job, shard, *server, now)) return;
  const pb::ShardReport* report = ReportOf(job, shard, *server);
  const uint64_t adopted = report == nullptr ? 0 : report->plan();
  if (adopted < job.plan().number()) {
    findings.waits.push_back(WaitForAdoption(shard, job.plan().number(), adopted));
  }
}

// A shard that has not stored the last step: its server is waited for while it may still hold it.
void CheckFinishedShard(Job& job, const pb::ShardRange& shard, const Membership& members,
                        ShardFindings& findings, Moment now) {
  const KnownMember* server = members.Find(shard.server());
  const auto presence = members.PresenceOf(shard.server(), shard.incarnation());
  const bool here = presence == Membership::Presence::kHere;
  const bool silent = server != nullptr && server->state == KnownMember::State::kLost &&
                      now.unix_ms < server->since_unix_ms + kReturnMs;
  if (here && FailedByServer(job, shard, *server, now)) return;
  if (here) {
    findings.waits.push_back(
        MakeWait(shard.server(), absl::StrCat("stores step ", job.plan().step())));
  } else if (silent || presence == Membership::Presence::kAwaited ||
             (job.StoppedAt(shard.server()) != nullptr &&
              (server == nullptr || !server->ready()))) {
    findings.waits.push_back(MakeWait(
        shard.server(),
        absl::StrCat("is not there; waiting for it to return with step ", job.plan().step())));
  } else {
    LoseServer(job, shard, server, now);
  }
}

// A shard counts since it was made: what was seen once is kept when a server begins anew.
void TakeStaleness(Job& job, const Membership& members) {
  std::vector<uint64_t> sums;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    const KnownMember* server = members.Find(shard.server());
    const pb::ShardReport* report = server == nullptr ? nullptr : ReportOf(job, shard, *server);
    if (report == nullptr) continue;
    const auto& counts = report->staleness_counts();
    sums.resize(std::max(sums.size(), static_cast<size_t>(counts.size())));
    for (int i = 0; i < counts.size(); ++i) sums[static_cast<size_t>(i)] += counts[i];
  }
  pb::JobStatus* status = job.record.mutable_status();
  auto* kept = status->mutable_staleness_counts();
  for (size_t i = 0; i < sums.size(); ++i) {
    const int index = static_cast<int>(i);
    const uint64_t known = index < kept->size() ? kept->Get(index) : 0;
    if (sums[i] <= known) continue;
    while (kept->size() <= index) kept->Add(0);
    kept->Set(index, sums[i]);
    status->set_max_staleness(std::max<uint64_t>(status->max_staleness(), i));
    job.progressed = true;
  }
}

}  // namespace

std::optional<uint64_t> BytesStored(
    const google::protobuf::RepeatedPtrField<pb::StoredRange>& stored, const pb::Plan& plan,
    uint64_t step, BlockRange range) {
  std::vector<const pb::StoredRange*> parts;
  for (const pb::StoredRange& part : stored) {
    const bool same = SameHistory(part, plan) && part.step() == step;
    if (same && part.block_begin() < range.end && range.begin < part.block_end()) {
      parts.push_back(&part);
    }
  }
  std::sort(parts.begin(), parts.end(),
            [](const auto* a, const auto* b) { return a->block_begin() < b->block_begin(); });
  uint64_t covered = range.begin, bytes = 0;
  for (const pb::StoredRange* part : parts) {
    if (part->block_begin() > covered) return std::nullopt;
    covered = std::max(covered, part->block_end());
    bytes += part->bytes();
  }
  if (covered < range.end) return std::nullopt;
  return bytes;
}

void TakeLeavingServer(Job& job, const KnownMember& server, Moment now) {
  if (!job.running()) return;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    if (shard.server() != server.name() || shard.incarnation() != server.who.incarnation()) {
      continue;
    }
    const auto step = StoppedStep(job, shard, server);
    if (!step.has_value()) continue;
    job.ForgetStop(server.name());
    pb::StoredAtStop* stop = job.record.add_stopped();
    stop->set_server(server.name());
    stop->set_history(job.plan().history());
    stop->set_step(*step);
    job.Note(absl::StrCat(server.name(), " stopped in order at step ", *step), now);
  }
}

ShardFindings CheckShards(Job& job, const Membership& members, Moment now) {
  ShardFindings findings;
  if (!job.running()) return findings;
  TakeStaleness(job, members);
  CommitStored(job, 0, members, now);
  const bool finished = job.plan().phase() == pb::Plan::FINISHED;
  const uint64_t last = job.plan().step();
  if (finished) CommitStored(job, last, members, now);
  if (finished && IsCheckpoint(job, last)) {
    job.Succeed(now);
    return findings;
  }
  const auto shards = job.plan().shards();
  for (const pb::ShardRange& shard : shards) {
    if (!job.running()) break;
    if (!finished) CheckTrainingShard(job, shard, members, findings, now);
    if (finished && job.stored[last].count(shard.index()) == 0) {
      CheckFinishedShard(job, shard, members, findings, now);
    }
  }
  return findings;
}

}  // namespace paracord
