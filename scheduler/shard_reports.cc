#include "scheduler/shard_reports.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/job/history.h"

namespace paracord {
namespace {

const pb::ShardReport* ReportOf(const Job& job, const pb::ShardRange& shard,
                                const KnownMember& server) {
  return server.FindShard(job.id(), shard.index());
}

}  // namespace

std::optional<uint64_t> StopStep(const pb::Plan& plan, const pb::ShardRange& shard,
                                 const KnownMember& server) {
  for (const pb::StoredRange& stored : server.report.stored()) {
    if (SameHistory(stored, plan) && stored.stopped() == shard.incarnation() &&
        stored.block_begin() == shard.block_begin() && stored.block_end() == shard.block_end()) {
      return stored.step();
    }
  }
  return std::nullopt;
}

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
    const auto step = StopStep(job.plan(), shard, server);
    if (!step.has_value()) continue;
    job.ForgetStop(server.name());
    pb::StoredAtStop* stop = job.record.add_stopped();
    stop->set_server(server.name());
    stop->set_history(job.plan().history());
    stop->set_step(*step);
    job.Note(absl::StrCat(server.name(), " stopped in order at step ", *step), now);
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

}  // namespace paracord
