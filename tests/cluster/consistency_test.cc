#include <atomic>
#include <thread>

#include "tests/cluster/jobs.h"
#include "tests/support/step_gate.h"

namespace paracord {
namespace {

TEST_CASE("ssp and async apply every sample of every epoch once, on any number of workers",
          "[cluster]") {
  for (const std::string consistency : {"async", "{ssp: 0}", "{ssp: 2}"}) {
    for (const uint32_t workers : {1u, 2u, 4u}) {
      CAPTURE(consistency, workers);
      MiniCluster cluster({.servers = 2, .workers = 4});
      for (const SmallJob& job : AllSmallJobs()) {
        CheckTrained(cluster, cluster.Submit(With(job, consistency, workers)));
      }
    }
  }
}

TEST_CASE("tasks of several threads, behind a wire, do the same", "[cluster]") {
  MiniCluster cluster({.servers = 2, .workers = 2, .threads = 3, .loopback = true});
  CheckTrained(cluster, cluster.Submit(With(DropoutJob(), "async", 2)));
  CheckTrained(cluster, cluster.Submit(With(AdamwJob(), "{ssp: 1}", 2)));
}

TEST_CASE("an audit of a bsp job counts every sample once, too", "[cluster]") {
  MiniCluster cluster({.servers = 3, .workers = 3});
  for (const SmallJob& job : AllSmallJobs()) {
    const std::string id = cluster.Submit(job.Yaml(3));
    CheckSameBits(cluster, id, job);
    CheckAudit(cluster, id);
  }
}

TEST_CASE("what is evaluated at the end are the weights at the end", "[cluster]") {
  MiniCluster cluster({.servers = 1, .workers = 3});
  const std::string id = cluster.Submit(With(DropoutJob(), "async", 3));
  REQUIRE(cluster.WaitForEnd(id) == pb::SUCCEEDED);
  const pb::JobStatus status = cluster.Get(id).status();
  REQUIRE(status.metrics_size() == 2);
  CHECK(status.metrics(0).name() == "test_loss");
  CHECK(status.metrics(0).value() > 0);
  CHECK(status.metrics(1).value() >= 0);
  CHECK(status.metrics(1).value() <= 1);
}

TEST_CASE("with messages lost, late and doubled every sample still counts once", "[cluster]") {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    CAPTURE(seed);
    MiniOptions options{.servers = 2, .workers = 3, .seed = seed};
    options.faults = {.lost = 0.05, .answer_lost = 0.05, .doubled = 0.05, .late = 0.1};
    MiniCluster cluster(options);
    CheckTrained(cluster, cluster.Submit(With(NesterovJob(), "async", 3)));
    CheckTrained(cluster, cluster.Submit(With(AdamwJob(), "{ssp: 1}", 3)));
  }
}

TEST_CASE("a server that stops in order and returns brings its ledger back", "[cluster]") {
  std::atomic<int> pushes{0};
  MiniOptions options{.servers = 2, .workers = 2};
  options.on_push = [&](const pb::PushHeader&) {
    ++pushes;
    std::this_thread::sleep_for(milliseconds(1));
  };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(With(DropoutJob(), "async", 2));
  for (const int at : {10, 30}) {
    REQUIRE(MiniCluster::Eventually([&] { return pushes > at; }));
    cluster.StopServer(at == 10 ? 1 : 0);
    cluster.StartServer(at == 10 ? 1 : 0);
  }
  CheckTrained(cluster, id);
}

// Sleeps so long at each push of a rank.
FaultyShard::OnPush SlowRank(uint32_t rank, Duration pause) {
  return [rank, pause](const pb::PushHeader& header) {
    if (header.rank() == rank) std::this_thread::sleep_for(pause);
  };
}

TEST_CASE("with a slow worker ssp goes as far ahead as its bound and no further", "[cluster]") {
  MiniOptions options{.servers = 1, .workers = 3};
  options.on_push = SlowRank(2, milliseconds(10));
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(With(WithSteps(AdamwJob(), 300), "{ssp: 3}", 3));
  CheckTrained(cluster, id);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.max_staleness() == 3);
  CHECK(status.staleness_counts_size() == 4);
}

TEST_CASE("a job that runs changes between bsp, async and ssp and loses no sample", "[cluster]") {
  StepGate gate(10);
  MiniOptions options{.servers = 2, .workers = 3};
  options.on_push = [&](const pb::PushHeader& header) { gate.Pass(header.step()); };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(With(WithSteps(AdamwJob(), 300), "bsp", 3));
  uint64_t limit = 10;
  for (const std::string mode : {"async", "bsp", "{ssp: 2}", "async", "bsp"}) {
    REQUIRE(gate.AwaitArrival());
    REQUIRE(cluster.Set(id, "consistency=" + mode).ok());
    gate.Open(limit += 40);
  }
  REQUIRE(gate.AwaitArrival());
  gate.Open(UINT64_MAX);
  CheckTrained(cluster, id);
  CHECK(cluster.Get(id).status().consistency() == "bsp");
  CHECK(cluster.Get(id).status().plan() >= 6);
}

}  // namespace
}  // namespace paracord
