#include "scheduler/cli/predict_workers.h"

#include <algorithm>

#include "common/base/status.h"

namespace paracord {
namespace {

int64_t FreeSlots(const pb::Node& node) {
  return int64_t{node.slots()} - static_cast<int64_t>(node.tasks());
}

}  // namespace

std::vector<std::string> ReadyWorkers(const pb::ListNodesReply& nodes,
                                      std::optional<uint32_t> most) {
  std::vector<pb::Node> ready;
  for (const pb::Node& node : nodes.nodes()) {
    const bool usable = node.role() == pb::WORKER && node.state() == "READY" && !node.draining();
    if (usable && !node.address().empty()) ready.push_back(node);
  }
  std::sort(ready.begin(), ready.end(), [](const pb::Node& a, const pb::Node& b) {
    return FreeSlots(a) != FreeSlots(b) ? FreeSlots(a) > FreeSlots(b) : a.id() < b.id();
  });
  if (most && ready.size() > *most) ready.resize(*most);
  std::vector<std::string> addresses;
  for (const pb::Node& node : ready) addresses.push_back(node.address());
  return addresses;
}

absl::StatusOr<std::vector<std::string>> ReadyWorkers(SchedulerClient& scheduler,
                                                      std::optional<uint32_t> most,
                                                      TimePoint until) {
  ASSIGN_OR_RETURN(const pb::ListNodesReply nodes, scheduler.ListNodes(until));
  return ReadyWorkers(nodes, most);
}

}  // namespace paracord
