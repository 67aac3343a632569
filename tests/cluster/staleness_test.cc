// Who waits for whom in ssp and async, and that every sample counts once whoever dies meanwhile.
#include <atomic>
#include <random>
#include <set>

#include "tests/cluster/jobs.h"
#include "tests/support/step_gate.h"

namespace paracord {
namespace {

// Holds the rank that pushes first, at that push, until it is let go. Which one that is depends on
// the host: a given one might come when the others have leased all that may be computed yet.
class Held {
 public:
  void OnPush(const pb::PushHeader& header) {
    int64_t nobody = -1;
    if (rank_.compare_exchange_strong(nobody, header.rank())) at_ = header.step();
    if (rank_ == header.rank()) {
      MiniCluster::Eventually([&] { return let_go_.load(); });
      return;
    }
    if (let_go_) return;
    uint64_t furthest = furthest_;
    while (furthest < header.step() && !furthest_.compare_exchange_weak(furthest, header.step())) {
    }
  }
  // The step of the push that is held; UINT64_MAX: none is.
  uint64_t at() const { return at_; }
  // The furthest step that another has pushed for while it was held.
  uint64_t furthest() const { return furthest_; }
  void LetGo() { let_go_ = true; }

 private:
  std::atomic<int64_t> rank_{-1};
  std::atomic<uint64_t> at_{UINT64_MAX}, furthest_{0};
  std::atomic<bool> let_go_{false};
};

TEST_CASE("in async nobody waits for a task that is held, up to the job's last step", "[cluster]") {
  for (const SmallJob& job : {WithSteps(AdamwJob(), 60), WithSteps(SgdJob(), 100)}) {
    Held held;
    MiniOptions options{.servers = 2, .workers = 3};
    options.on_push = [&](const pb::PushHeader& header) { held.OnPush(header); };
    MiniCluster cluster(options);
    const std::string id = cluster.Submit(With(job, "async", 3));
    const uint64_t last = job.Plain().steps - 1;
    CHECK(MiniCluster::Eventually([&] { return held.furthest() == last; }));
    INFO("held at step " << held.at() << ", others came to " << held.furthest());
    CHECK(held.at() < last);
    CHECK(cluster.State(id) == pb::RUNNING);
    held.LetGo();
    CheckTrained(cluster, id);
    CHECK(cluster.Get(id).status().max_staleness() >= last - held.at());
  }
}

TEST_CASE("in ssp the others stop at their bound before a task that is held", "[cluster]") {
  for (const uint32_t bound : {0u, 1u, 3u}) {
    CAPTURE(bound);
    Held held;
    MiniOptions options{.servers = 2, .workers = 3};
    options.on_push = [&](const pb::PushHeader& header) { held.OnPush(header); };
    MiniCluster cluster(options);
    const std::string mode = absl::StrCat("{ssp: ", bound, "}");
    const std::string id = cluster.Submit(With(WithSteps(AdamwJob(), 60), mode, 3));
    REQUIRE(MiniCluster::Eventually([&] { return held.at() != UINT64_MAX; }));
    CHECK(MiniCluster::Eventually([&] { return held.furthest() == held.at() + bound; }));
    // What the reads up to there were is told later than they were made: time to go too far.
    CHECK(
        MiniCluster::Eventually([&] { return cluster.Get(id).status().max_staleness() == bound; }));
    CHECK(held.furthest() == held.at() + bound);
    held.LetGo();
    CheckTrained(cluster, id);
    CHECK(cluster.Get(id).status().max_staleness() == bound);
    CHECK(cluster.Get(id).status().staleness_counts_size() == static_cast<int>(bound) + 1);
  }
}

// A job whose tasks die at drawn pushes, and which changes its mode meanwhile if it is to.
void RunKilled(uint32_t seed) {
  std::mt19937 random(seed);
  const SmallJob job = seed % 4 < 2 ? DropoutJob() : WithSteps(AdamwJob(), 12);
  const std::string mode = seed % 2 == 0 ? "async" : absl::StrCat("{ssp: ", random() % 4, "}");
  const bool changes = seed % 5 == 0;
  CAPTURE(seed, mode, changes);
  std::set<int> deaths;
  while (deaths.size() < 3) deaths.insert(static_cast<int>(random() % 25) + 1);
  std::atomic<int> pushes{0};
  MiniCluster* running = nullptr;
  StepGate gate(changes ? 2 + random() % 3 : UINT64_MAX);
  MiniOptions options{.servers = 1 + seed % 3, .workers = 3};
  options.on_push = [&](const pb::PushHeader& header) {
    gate.Pass(header.step());
    if (deaths.count(++pushes) > 0) running->KillTask(header.job(), header.rank());
  };
  MiniCluster cluster(options);
  running = &cluster;
  const std::string id = cluster.Submit(With(job, changes ? "bsp" : mode, 3));
  if (changes) {
    REQUIRE(gate.AwaitArrival());
    REQUIRE(cluster.Set(id, "consistency=" + mode).ok());
    gate.Open(6 + random() % 3);
    REQUIRE(gate.AwaitArrival());
    REQUIRE(cluster.Set(id, "consistency=bsp").ok());
    gate.Open(UINT64_MAX);
  }
  CheckTrained(cluster, id);
  CHECK(cluster.Get(id).status().restarts() > 0);
}

TEST_CASE("with tasks killed at any push, and modes changed, every sample still counts once",
          "[cluster]") {
  for (uint32_t seed = 1; seed <= 100; ++seed) RunKilled(seed);
}

}  // namespace
}  // namespace paracord
