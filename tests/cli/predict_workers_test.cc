#include "scheduler/cli/predict_workers.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

pb::Node NodeOf(const std::string& id, uint32_t tasks, const std::string& state = "READY",
                pb::Role role = pb::WORKER) {
  pb::Node node;
  node.set_id(id);
  node.set_role(role);
  node.set_address(id + ":1");
  node.set_state(state);
  node.set_slots(2);
  node.set_tasks(tasks);
  return node;
}

pb::ListNodesReply NodesOf(const std::vector<pb::Node>& nodes) {
  pb::ListNodesReply reply;
  for (const pb::Node& node : nodes) *reply.add_nodes() = node;
  return reply;
}

using Names = std::vector<std::string>;

TEST_CASE("ready workers are asked, those with free slots first, no more than are wanted") {
  const auto nodes = NodesOf({NodeOf("c", 2), NodeOf("b", 0), NodeOf("a", 0), NodeOf("d", 1)});
  CHECK(ReadyWorkers(nodes, std::nullopt) == Names{"a:1", "b:1", "d:1", "c:1"});
  CHECK(ReadyWorkers(nodes, 2) == Names{"a:1", "b:1"});
  CHECK(ReadyWorkers(nodes, 9).size() == 4);
}

TEST_CASE("who is no worker, is lost, left or drained is not asked") {
  pb::Node draining = NodeOf("e", 0);
  draining.set_draining(true);
  const auto nodes =
      NodesOf({NodeOf("a", 0, "LOST"), NodeOf("b", 0, "LEFT"), NodeOf("c", 0, "DRAINED"),
               NodeOf("d", 0, "READY", pb::SERVER), draining});
  CHECK(ReadyWorkers(nodes, std::nullopt).empty());
}

}  // namespace
}  // namespace paracord
