#include <numeric>

#include "tests/cluster/jobs.h"

namespace paracord {
namespace {

// All jobs at once on one cluster.
void RunAll(const MiniOptions& options) {
  MiniCluster cluster(options);
  std::vector<std::string> ids;
  for (const SmallJob& job : AllSmallJobs())
    ids.push_back(cluster.Submit(job.Yaml(options.workers)));
  for (size_t i = 0; i < ids.size(); ++i) CheckSameBits(cluster, ids[i], AllSmallJobs()[i]);
}

TEST_CASE("the plain loop learns, so that equal bits mean something", "[cluster]") {
  for (const SmallJob& job : AllSmallJobs()) {
    const std::vector<double>& losses = job.Plain().losses;
    const auto third = static_cast<std::ptrdiff_t>(losses.size() / 3);
    CHECK(std::accumulate(losses.end() - third, losses.end(), 0.0) <
          std::accumulate(losses.begin(), losses.begin() + third, 0.0));
  }
}

TEST_CASE("the job that clips does so at some steps and not at others", "[cluster]") {
  const PlainRun& plain = GraphJob().Plain();
  CHECK(plain.clipped > 0);
  CHECK(plain.clipped < plain.steps);
}

TEST_CASE("any number of workers and servers gives the plain loop's bits by direct calls",
          "[cluster]") {
  for (uint32_t workers : {1, 2, 3, 4, 6}) {
    for (uint32_t servers : {1, 2, 3}) {
      INFO(workers << " workers, " << servers << " servers");
      RunAll({.servers = servers, .workers = workers, .slots = 4, .threads = workers < 3 ? 3 : 1});
    }
  }
}

TEST_CASE("any number of workers and servers gives the plain loop's bits over loopback",
          "[cluster]") {
  for (uint32_t workers : {1, 2, 3, 4, 6}) {
    for (uint32_t servers : {1, 2, 3}) {
      INFO(workers << " workers, " << servers << " servers");
      RunAll({.servers = servers, .workers = workers, .slots = 4, .loopback = true});
    }
  }
}

TEST_CASE("more servers than blocks, and tasks that share a worker, change nothing", "[cluster]") {
  MiniCluster cluster({.servers = 5, .workers = 1, .slots = 6});
  const std::string id = cluster.Submit(SgdJob().Yaml(6));
  CheckSameBits(cluster, id, SgdJob());
}

TEST_CASE("lost, doubled and overtaking messages change nothing", "[cluster]") {
  const Faults faults{.lost = 0.05, .answer_lost = 0.05, .doubled = 0.1, .late = 0.2};
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    RunAll({.servers = 1 + static_cast<uint32_t>(seed % 3),
            .workers = 3,
            .slots = 4,
            .loopback = seed % 2 == 0,
            .faults = faults,
            .seed = seed});
  }
}

TEST_CASE("a wire on which every third call is lost changes nothing", "[cluster]") {
  const Faults faults{.lost = 0.33, .answer_lost = 0.1, .doubled = 0.1, .late = 0.1};
  for (uint64_t seed : {21, 22}) {
    INFO("seed " << seed);
    MiniCluster cluster({.servers = 2, .workers = 2, .faults = faults, .seed = seed});
    CheckSameBits(cluster, cluster.Submit(AdamwJob().Yaml(2)), AdamwJob());
  }
}

}  // namespace
}  // namespace paracord
