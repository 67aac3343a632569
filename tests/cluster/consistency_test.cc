#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "tests/cluster/jobs.h"

namespace paracord {
namespace {

std::string With(const SmallJob& job, const std::string& consistency, uint32_t workers) {
  return absl::StrCat(job.Yaml(workers), "consistency: ", consistency, "\n");
}

// Every sample of every epoch has been applied, and none twice.
void CheckAudit(MiniCluster& cluster, const std::string& id) {
  const auto rows = cluster.Audit(id);
  INFO(Describe(rows.status()));
  REQUIRE(rows.ok());
  CHECK_FALSE(rows->empty());
  for (const AuditRow& row : *rows) {
    CAPTURE(row.epoch, row.expected, row.applied, row.repeated, row.missing);
    CHECK(row.expected > 0);
    CHECK(row.applied == row.expected);
    CHECK(row.repeated == 0);
    CHECK(row.missing == 0);
  }
}

void CheckTrained(MiniCluster& cluster, const std::string& id) {
  INFO(cluster.Story(id));
  REQUIRE(cluster.WaitForEnd(id) == pb::SUCCEEDED);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.step() == status.steps());
  CHECK(status.loss() > 0);
  CheckAudit(cluster, id);
}

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

TEST_CASE("with tasks killed at any push every sample still counts once", "[cluster]") {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::atomic<int> pushes{0};
    std::set<int> deaths;
    while (deaths.size() < 3) deaths.insert(static_cast<int>(random() % 60) + 1);
    MiniCluster* running = nullptr;
    MiniOptions options{.servers = 2, .workers = 3};
    options.on_push = [&](const pb::PushHeader& header) {
      if (deaths.count(++pushes) > 0) running->KillTask(header.job(), header.rank());
    };
    MiniCluster cluster(options);
    running = &cluster;
    const std::string mode = seed % 2 == 0 ? "async" : "{ssp: 1}";
    CheckTrained(cluster, cluster.Submit(With(DropoutJob(), mode, 3)));
    CHECK(cluster.Get("dropout-1").status().restarts() > 0);
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

SmallJob LongJob() {
  SmallJob job = AdamwJob();
  const std::string length = "steps: 13";
  job.text.replace(job.text.find(length), length.size(), "steps: 300");
  return job;
}

TEST_CASE("with a slow worker ssp goes as far ahead as its bound and no further", "[cluster]") {
  MiniOptions options{.servers = 1, .workers = 3};
  options.on_push = SlowRank(2, milliseconds(10));
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(With(LongJob(), "{ssp: 3}", 3));
  CheckTrained(cluster, id);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.max_staleness() == 3);
  CHECK(status.staleness_counts_size() == 4);
}

// Lets no push of a step from `limit` on pass, so that a job is still there when the test has
// something to say to it, however slow the host is. Gives up after a minute.
class StepGate {
 public:
  void Pass(uint64_t step) {
    uint64_t seen = reached_;
    while (seen < step && !reached_.compare_exchange_weak(seen, step)) {
    }
    MiniCluster::Eventually([&] { return step < limit_; });
  }
  bool AwaitArrival() {
    return MiniCluster::Eventually([&] { return reached_ >= limit_; });
  }
  void Open(uint64_t limit) { limit_ = limit; }

 private:
  std::atomic<uint64_t> reached_{0}, limit_{10};
};

TEST_CASE("a job that runs changes between bsp, async and ssp and loses no sample", "[cluster]") {
  StepGate gate;
  MiniOptions options{.servers = 2, .workers = 3};
  options.on_push = [&](const pb::PushHeader& header) { gate.Pass(header.step()); };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(With(LongJob(), "bsp", 3));
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
