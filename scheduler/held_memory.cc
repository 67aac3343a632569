#include "scheduler/held_memory.h"

#include <utility>
#include <vector>

namespace paracord {
namespace {

bool Freed(const std::string& job, HeldShard& held, const KnownMember& server) {
  if (server.who.incarnation() != held.incarnation) return true;
  if (!server.heard.has_value()) return false;
  if (const pb::ShardReport* report = server.FindShard(job, held.index)) {
    held.seen = true;
    held.bytes = report->bytes();
    return held.bytes == 0;
  }
  // Not made yet, perhaps: the job's plan may have been on its way to the server when it ended.
  if (!held.seen && *server.heard < held.arrived) return false;
  // Out of the server's list, but perhaps not out of its memory yet: then more is in use than what
  // is listed.
  uint64_t listed = 0;
  for (const pb::ShardReport& report : server.report.shards()) listed += report.bytes();
  return server.report.memory_used() <= listed;
}

}  // namespace

void CheckHeldMemory(Job& job, const Membership& members) {
  std::vector<HeldShard> kept;
  for (HeldShard& held : job.held) {
    const KnownMember* server = members.Find(held.server);
    if (server == nullptr || !Freed(job.id(), held, *server)) kept.push_back(std::move(held));
  }
  job.held = std::move(kept);
}

}  // namespace paracord
