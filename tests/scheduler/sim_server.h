// The shards of a make-believe server, as server/shard_host has them: made as plans name them, each
// with its memory reserved at once, out of a budget. What is to end ends a turn later, as on a
// server whose strands are busy.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/optimizer.h"
#include "proto/coordinator.pb.h"

namespace paracord {

// What a make-believe server has on its disk.
using SimDisk = std::vector<pb::StoredRange>;

// One shard's part of a step; `stopped`: by an incarnation that stops in order, or 0.
inline void StoreOn(SimDisk& disk, const pb::Plan& plan, const pb::ShardRange& shard, uint64_t step,
                    uint64_t stopped = 0) {
  for (const pb::StoredRange& stored : disk) {
    const bool same = SameHistory(stored, plan) && stored.step() == step;
    if (same && stored.stopped() == stopped && stored.block_begin() == shard.block_begin()) return;
  }
  pb::StoredRange& stored = disk.emplace_back();
  SetHistory(plan, &stored);
  stored.set_step(step);
  stored.set_block_begin(shard.block_begin());
  stored.set_block_end(shard.block_end());
  stored.set_bytes(100);
  stored.set_stopped(stopped);
  stored.set_hash(absl::StrCat("hash of step ", step, " of history ", plan.history()));
}

// What a plan alone makes a server store.
inline void StoreForPlan(SimDisk& disk, const std::string& server, const pb::Plan& plan) {
  for (const pb::ShardRange& shard : plan.shards()) {
    if (shard.server() != server) continue;
    if (plan.phase() != pb::Plan::CLOSED && !plan.has_origin()) StoreOn(disk, plan, shard, 0);
    if (plan.phase() == pb::Plan::FINISHED) StoreOn(disk, plan, shard, plan.step());
  }
}

inline void DropFrom(SimDisk& disk, const pb::HeartbeatReply& reply) {
  for (const pb::StoredRange& drop : reply.drop()) {
    std::erase_if(disk, [&](const pb::StoredRange& stored) {
      return SameHistory(stored, drop) && stored.step() == drop.step() &&
             stored.block_begin() == drop.block_begin() && stored.stopped() == drop.stopped();
    });
  }
}

class SimShards {
 public:
  // `applied`: by job, the version that its shards have.
  void Follow(const pb::WatchReply& reply, const pb::JoinRequest& who,
              std::map<std::string, uint64_t>& applied);
  void FillHeartbeat(pb::HeartbeatRequest* heartbeat) const;
  std::vector<uint64_t> copied;  // steps, by each of them
  bool writing = false;          // the copy of the last step: no shard ends meanwhile
  void Clear() { shards_.clear(); }

 private:
  struct Shard {
    pb::ShardReport report;
    bool named = true;  // by the last reply
    bool ending = false;
  };
  uint64_t Used() const;
  void EndWhatWasToEnd();
  void Make(const pb::JobText& job, const pb::ShardRange& range, uint64_t budget);

  std::map<std::pair<std::string, uint32_t>, Shard> shards_;  // by job and index
};

inline uint64_t SimShards::Used() const {
  uint64_t used = 0;
  for (const auto& [key, shard] : shards_) used += shard.report.bytes();
  return used;
}

inline void SimShards::EndWhatWasToEnd() {
  std::erase_if(shards_, [](const auto& entry) { return !entry.second.named; });
  for (auto& [key, shard] : shards_) {
    shard.named = false;
    if (!shard.ending || writing) continue;
    shard.report.set_bytes(0);
    shard.report.set_version(0);
  }
}

inline void SimShards::Make(const pb::JobText& job, const pb::ShardRange& range, uint64_t budget) {
  const JobSpec spec = ParseJobOrStatus(job.yaml(), job.directory()).value();
  const uint64_t bytes = BytesOnServer(
      GridOf(spec).Floats({range.block_begin(), range.block_end()}), spec.optimizer.kind);
  const bool fits = Used() + bytes <= budget;
  pb::ShardReport& report = shards_[{job.id(), range.index()}].report;
  report.set_job(job.id());
  report.set_index(range.index());
  report.set_bytes(fits ? bytes : 0);
  if (fits) return;
  report.set_error_code(CodeName(absl::StatusCode::kResourceExhausted));
  report.set_error(absl::StrCat(bytes, " bytes needed, ", budget - Used(), " free"));
}

inline void SimShards::Follow(const pb::WatchReply& reply, const pb::JoinRequest& who,
                              std::map<std::string, uint64_t>& applied) {
  EndWhatWasToEnd();
  for (const pb::Assignment& assignment : reply.assignments()) {
    const pb::Plan& plan = assignment.plan();
    for (const pb::ShardRange& range : plan.shards()) {
      if (range.server() != who.name() || range.incarnation() != who.incarnation()) continue;
      const bool known = shards_.count({plan.job(), range.index()}) > 0;
      if (!known && plan.phase() == pb::Plan::CLOSED) continue;
      if (!known) Make(assignment.job(), range, who.memory_bytes());
      Shard& shard = shards_[{plan.job(), range.index()}];
      shard.named = true;
      shard.ending = plan.phase() != pb::Plan::TRAINING;
      shard.report.set_plan(plan.number());
      shard.report.set_history(plan.history());
      if (!shard.ending) shard.report.set_version(applied[plan.job()]);
      if (shard.report.unreadable_history() > 0) shard.report.set_plan(0);
    }
  }
}

inline void SimShards::FillHeartbeat(pb::HeartbeatRequest* heartbeat) const {
  for (const auto& [key, shard] : shards_) {
    if (!shard.named) continue;
    pb::ShardReport* report = heartbeat->add_shards();
    *report = shard.report;
    report->mutable_copied_steps()->Assign(copied.begin(), copied.end());
  }
  heartbeat->set_memory_used(Used());
}

}  // namespace paracord
