#include "scheduler/cli/audit_rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/key_range.h"
#include "common/job/sampler.h"

namespace paracord {
namespace {

absl::StatusOr<uint64_t> SamplesOf(const std::vector<pb::QueryReply>& replies) {
  uint64_t samples = 0;
  for (const pb::QueryReply& reply : replies) {
    if (reply.samples() == 0) continue;
    if (reply.samples() > kMostSamples || (samples != 0 && reply.samples() != samples)) {
      return absl::DataLossError(absl::StrCat(
          "found ", reply.samples(), " training samples on one server, ", samples, " on another"));
    }
    samples = reply.samples();
  }
  return samples;
}

bool TrainsBlocks(const BlockGrid& grid, const pb::ShardRange& shard) {
  for (uint64_t b = shard.block_begin(); b < std::min(shard.block_end(), grid.blocks()); ++b) {
    if (grid.kind(b) != TensorKind::kSum) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<AuditRow>> AuditRows(const JobSpec& spec, const pb::Plan& plan,
                                                const std::vector<pb::QueryReply>& replies) {
  ASSIGN_OR_RETURN(const uint64_t samples, SamplesOf(replies));
  std::vector<AuditRow> rows;
  if (samples == 0) return rows;
  const BlockGrid grid = GridOf(spec);
  const Sampler sampler(spec.seed, samples, spec.batch_size, spec.virtual_workers);
  const bool finished = plan.phase() == pb::Plan::FINISHED;  // early, perhaps
  const uint64_t total = spec.TotalSteps(samples);
  const uint64_t steps = finished ? std::min<uint64_t>(total, plan.step()) : total;
  for (uint64_t epoch = 0; steps > 0 && epoch <= sampler.EpochOf(steps - 1); ++epoch) {
    const uint64_t expected = sampler.Applied(epoch, steps);
    rows.push_back({epoch, expected, expected, 0, 0});
  }
  for (int i = 0; i < plan.shards_size(); ++i) {
    if (!TrainsBlocks(grid, plan.shards(i))) continue;
    std::vector<uint64_t> applied(rows.size(), 0);
    for (const pb::EpochTally& tally : replies[static_cast<size_t>(i)].epochs()) {
      if (tally.epoch() >= rows.size()) continue;
      applied[tally.epoch()] = tally.applied();
      AuditRow& row = rows[tally.epoch()];
      row.repeated = std::max(row.repeated, tally.repeated());
    }
    for (AuditRow& row : rows) row.applied = std::min(row.applied, applied[row.epoch]);
  }
  for (AuditRow& row : rows) row.missing = row.expected - std::min(row.expected, row.applied);
  return rows;
}

}  // namespace paracord
