// What people see and order of the make-believe cluster's nodes.
#pragma once

#include <string>

#include "tests/scheduler/sim_cluster.h"

namespace paracord {

// The number of tasks that are to move.
inline absl::StatusOr<uint32_t> Drain(SimCluster& sim, const std::string& node,
                                      bool draining = true) {
  pb::DrainRequest request;
  request.set_id(node);
  request.set_draining(draining);
  auto reply =
      Await<pb::DrainReply>([&](auto done) { sim.coordinator().Drain(request, std::move(done)); });
  if (!reply.ok()) return reply.status();
  return reply->tasks();
}

inline absl::Status Undrain(SimCluster& sim, const std::string& node) {
  return Drain(sim, node, false).status();
}

// Empty: no such node.
inline pb::Node NodeOf(SimCluster& sim, const std::string& id) {
  for (const pb::Node& node : sim.Nodes()) {
    if (node.id() == id) return node;
  }
  return pb::Node();
}

}  // namespace paracord
