#include <atomic>
#include <map>
#include <random>

#include "tests/cluster/jobs.h"

namespace paracord {
namespace {

// Stops the one who comes to a place until the test lets it go on, at most a minute.
class Checkpost {
 public:
  // The first to come waits for Open; all others, and all later ones, pass.
  void Pass() {
    MutexLock lock(mutex_);
    if (reached_) return;
    reached_ = true;
    changed_.NotifyAll();
    while (!open_ && changed_.WaitUntil(mutex_, until_)) {
    }
  }
  // False: nobody came.
  bool AwaitSomebody() {
    MutexLock lock(mutex_);
    while (!reached_ && changed_.WaitUntil(mutex_, until_)) {
    }
    return reached_;
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  const TimePoint until_ = Clock::now() + seconds(60);
  Mutex mutex_;
  CondVar changed_;
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

// Kills a rank at its n-th push, once; several ranks, if told so.
class Killer {
 public:
  explicit Killer(std::map<uint32_t, int> at_push) : at_push_(std::move(at_push)) {}
  // Before the first job.
  void Aim(MiniCluster* cluster) { cluster_ = cluster; }

  void OnPush(const pb::PushHeader& header) {
    {
      MutexLock lock(mutex_);
      const auto aim = at_push_.find(header.rank());
      if (aim == at_push_.end() || --aim->second > 0) return;
      at_push_.erase(aim);
    }
    killed_ += cluster_->KillTask(header.job(), header.rank());
  }
  uint32_t killed() const { return killed_; }

 private:
  MiniCluster* cluster_ = nullptr;
  std::atomic<uint32_t> killed_{0};
  Mutex mutex_;
  std::map<uint32_t, int> at_push_ ABSL_GUARDED_BY(mutex_);  // pushes left, by rank
};

// Runs `job` and kills as told; nobody else may be started again.
void KillAndCompare(const SmallJob& job, const std::map<uint32_t, int>& at_push,
                    MiniOptions options) {
  Killer killer(at_push);
  options.on_push = [&killer](const pb::PushHeader& header) { killer.OnPush(header); };
  MiniCluster cluster(options);
  killer.Aim(&cluster);
  const std::string id = cluster.Submit(job.Yaml(options.workers));
  CheckSameBits(cluster, id, job);
  CHECK(killer.killed() == at_push.size());
  CHECK(cluster.Get(id).status().restarts() == at_push.size());
  for (uint32_t rank = 0; rank < options.workers; ++rank) {
    INFO("rank " << rank);
    CHECK(cluster.Starts(id, rank) == 1 + at_push.count(rank));
  }
}

// How many pushes `rank` sends in a run that nothing disturbs.
int CountPushes(const SmallJob& job, uint32_t rank, MiniOptions options) {
  std::atomic<int> pushes{0};
  options.on_push = [&](const pb::PushHeader& header) { pushes += header.rank() == rank; };
  MiniCluster cluster(options);
  CheckSameBits(cluster, cluster.Submit(job.Yaml(options.workers)), job);
  return pushes;
}

TEST_CASE("a task killed at any push is started again alone, and the bits are the same",
          "[cluster]") {
  const uint64_t seed = 7;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  MiniOptions options{.servers = 2, .workers = 3};
  std::vector<int> pushes;
  for (uint32_t rank : {0, 1, 2}) pushes.push_back(CountPushes(DropoutJob(), rank, options));
  for (int round = 0; round < 12; ++round) {
    options.loopback = round % 3 == 2;
    const uint32_t rank = static_cast<uint32_t>(random() % 3);
    const int push = 1 + static_cast<int>(random() % static_cast<uint64_t>(pushes[rank]));
    INFO("round " << round << ": rank " << rank << " at push " << push << " of " << pushes[rank]);
    KillAndCompare(DropoutJob(), {{rank, push}}, options);
  }
}

TEST_CASE("a task killed at its first push, or at its last ones, is no special case", "[cluster]") {
  const MiniOptions options{.servers = 1, .workers = 2};
  const int pushes = CountPushes(DropoutJob(), 1, options);
  for (int push : {1, 2, 3, 4, pushes - 2, pushes - 1, pushes}) {
    INFO("push " << push << " of " << pushes);
    KillAndCompare(DropoutJob(), {{1, push}}, options);
  }
}

TEST_CASE("a task killed in a job of images that clips costs no bit, nor running average",
          "[cluster]") {
  const MiniOptions options{.servers = 3, .workers = 2};
  const int pushes = CountPushes(GraphJob(), 1, options);
  for (int round = 1; round <= 5; ++round) {
    INFO("push " << pushes * round / 6 << " of " << pushes);
    KillAndCompare(GraphJob(), {{1, pushes * round / 6}}, options);
  }
}

TEST_CASE("all tasks killed, one after the other and close together, give the same bits",
          "[cluster]") {
  const MiniOptions options{.servers = 2, .workers = 3};
  const int pushes = CountPushes(AdamwJob(), 0, options);
  KillAndCompare(AdamwJob(), {{0, pushes / 4}, {1, pushes / 4 + 1}, {2, 3 * pushes / 4}}, options);
}

TEST_CASE("a task killed behind a faulty wire is started again, and the bits are the same",
          "[cluster]") {
  const Faults faults{.lost = 0.05, .answer_lost = 0.05, .doubled = 0.1, .late = 0.3};
  const int pushes = CountPushes(AdamwJob(), 0, {.servers = 2, .workers = 3});
  for (uint64_t seed = 31; seed < 35; ++seed) {
    INFO("seed " << seed);
    const int push = pushes * static_cast<int>(seed - 30) / 5;
    KillAndCompare(AdamwJob(), {{static_cast<uint32_t>(seed % 3), push}},
                   {.servers = 2, .workers = 3, .faults = faults, .seed = seed});
  }
}

TEST_CASE("a task that is killed more often than max_restarts fails the job with its exit",
          "[cluster]") {
  MiniCluster* target = nullptr;
  MiniOptions options{.servers = 1, .workers = 2};
  options.on_push = [&target](const pb::PushHeader& header) {
    if (header.rank() == 1 && header.step() == 2) target->KillTask(header.job(), 1);
  };
  MiniCluster cluster(options);
  target = &cluster;
  const std::string id = cluster.Submit(AdamwJob().Yaml(2) + "restart: {max_restarts: 2}\n");
  REQUIRE(cluster.WaitForEnd(id) == pb::FAILED);
  const pb::JobStatus status = cluster.Get(id).status();
  INFO(status.DebugString());
  CHECK(status.restarts() == 2);
  CHECK(cluster.Starts(id, 1) == 3);
  CHECK(cluster.Starts(id, 0) == 1);
  CHECK(status.first_failure().code() == "TaskExited");
  CHECK(status.first_failure().rank() == 1);
  CHECK(status.first_failure().exit() == 137);
}

// Stops server `server` when a push of `step` is about to be sent, and starts it again on its
// folder.
void RestartServerAndCompare(uint32_t server, uint64_t step, MiniOptions options,
                             const SmallJob& job = DropoutJob()) {
  Checkpost post;
  options.on_push = [&](const pb::PushHeader& header) {
    if (header.step() == step) post.Pass();
  };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(job.Yaml(options.workers));
  REQUIRE(post.AwaitSomebody());
  cluster.StopServer(server);
  post.Open();
  cluster.StartServer(server);
  CheckSameBits(cluster, id, job);
  CHECK(cluster.Get(id).status().restarts() == 0);
  CHECK(cluster.Get(id).plan().history() == 1);
  for (uint32_t rank = 0; rank < options.workers; ++rank) CHECK(cluster.Starts(id, rank) == 1);
}

TEST_CASE("a server stopped in order and started again in the middle of a job costs no bit",
          "[cluster]") {
  for (const bool loopback : {false, true}) {
    for (uint32_t server : {0, 1}) {
      INFO("server " << server << (loopback ? ", loopback" : ", direct"));
      RestartServerAndCompare(server, 4, {.servers = 2, .workers = 2, .loopback = loopback});
    }
  }
}

TEST_CASE("the only server stopped in order and started again costs no bit", "[cluster]") {
  RestartServerAndCompare(0, 0, {.servers = 1, .workers = 2});
  RestartServerAndCompare(0, 11, {.servers = 1, .workers = 3});
}

// The first server may have told a step's norm to itself alone.
TEST_CASE("a server of a job that clips, stopped in order and started again, costs no bit",
          "[cluster]") {
  for (const uint64_t step : {3, 4, 5, 6}) {
    for (const uint32_t server : {0, 1, 2}) {
      INFO("server " << server << ", step " << step);
      RestartServerAndCompare(server, step, {.servers = 3, .workers = 2}, GraphJob());
    }
  }
}

TEST_CASE("a task killed while its server is away costs no bit", "[cluster]") {
  Checkpost post;
  MiniOptions options{.servers = 2, .workers = 2};
  options.on_push = [&](const pb::PushHeader& header) {
    if (header.step() == 5 && header.rank() == 1) post.Pass();
  };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(DropoutJob().Yaml(2));
  REQUIRE(post.AwaitSomebody());
  cluster.StopServer(1);
  CHECK(cluster.KillTask(id, 1));
  post.Open();
  REQUIRE(MiniCluster::Eventually([&] { return cluster.Starts(id, 1) == 2; }));
  cluster.StartServer(1);
  CheckSameBits(cluster, id, DropoutJob());
}

}  // namespace
}  // namespace paracord
