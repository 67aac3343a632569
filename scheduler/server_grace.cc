#include "scheduler/server_grace.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/units.h"
#include "scheduler/checkpoints.h"
#include "scheduler/planner.h"

namespace paracord {

bool IsGivenUp(const Job& job, const std::string& server, const Situation& situation) {
  const auto absence = situation.members.AbsenceOf(server, situation.now.at);
  return absence >= situation.server_grace && job.StoppedAt(server) == nullptr;
}

std::set<std::string> ServersGivenUp(const Job& job, const Situation& situation) {
  std::set<std::string> gone;
  for (const pb::ShardRange& shard : job.plan().shards()) {
    if (IsGivenUp(job, shard.server(), situation)) gone.insert(shard.server());
  }
  return gone;
}

const pb::StoredStep* NewestMovable(const Job& job) {
  const auto& all = job.status().checkpoints();
  for (int i = all.size() - 1; i >= 0; --i) {
    if (all[i].damage().empty() && all[i].copied()) return &all[i];
  }
  return nullptr;
}

bool CanMoveShards(const Job& job) {
  return IsStart(job, NewestGood(job)) || NewestMovable(job) != nullptr;
}

std::vector<pb::Wait> MoveShards(Job& job, const std::set<std::string>& gone,
                                 const Resources& resources, pb::Plan* plan) {
  std::map<std::string, uint64_t> taken;  // by what was moved before
  for (pb::ShardRange& shard : *plan->mutable_shards()) {
    if (gone.count(shard.server()) == 0) continue;
    const uint64_t bytes = job.needs.BytesOf({shard.block_begin(), shard.block_end()});
    const KnownMember* best = nullptr;
    uint64_t room = 0;
    for (const KnownMember* server : resources.servers) {
      const uint64_t free = resources.FreeMemory(*server), used = taken[server->name()];
      const uint64_t left = free > used ? free - used : 0;
      if (best != nullptr && left <= room) continue;
      best = server;
      room = left;
    }
    if (best == nullptr || room < bytes) {
      return {MakeWait(
          shard.server(),
          absl::StrCat("is gone, and no other server has the ", FormatBytes(bytes),
                       " of memory free that its blocks need; the most is ", FormatBytes(room)))};
    }
    taken[best->name()] += bytes;
    shard.set_server(best->name());
    shard.set_incarnation(best->who.incarnation());
    shard.set_address(best->who.address());
  }
  return {};
}

}  // namespace paracord
