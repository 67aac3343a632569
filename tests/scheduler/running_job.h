// Where most tests of the scheduler begin: two servers, two workers, one job of two tasks, running.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler/sim_cluster.h"

namespace paracord {

inline bool Has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

struct Running {
  SimCluster sim;
  std::string job;

  explicit Running(SimJob spec = {.workers = 2}) {
    for (const char* name : {"server-0", "server-1"}) sim.AddServer(name);
    for (const char* name : {"worker-0", "worker-1"}) sim.AddWorker(name);
    job = sim.Submit(spec);
    sim.Beat();
    REQUIRE(sim.State(job) == pb::RUNNING);
  }
  pb::Plan plan() { return sim.Get(job).plan(); }
  pb::JobStatus status() { return sim.Get(job).status(); }
};

}  // namespace paracord
