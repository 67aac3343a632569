// In bsp the bits are the plain loop's whoever joins, leaves, dies or is slow meanwhile.
#include <atomic>
#include <climits>
#include <random>
#include <thread>

#include "tests/cluster/jobs.h"
#include "tests/support/step_gate.h"

namespace paracord {
namespace {

constexpr uint64_t kSteps = 1000;

// A cluster whose first job goes on by a step now and then while the test waits for something, so
// that it is still there for the next change, however slow the host is. Kills tasks when told.
class ElasticRun {
 public:
  // `held`: ranks, from 0, without which no step is done.
  ElasticRun(MiniOptions options, uint32_t seed, uint32_t held = 1) : held_(held), random_(seed) {
    options.on_push = [this](const pb::PushHeader& header) { OnPush(header); };
    cluster_ = std::make_unique<MiniCluster>(options);
  }
  MiniCluster& cluster() { return *cluster_; }
  void SubmitFirst(const std::string& yaml) { id_ = cluster_->Submit(yaml); }
  const std::string& id() const { return id_; }
  pb::Plan Plan() { return cluster_->Get(id_).plan(); }
  uint32_t Tasks() { return cluster_->Get(id_).plan().tasks_size() - Backups(); }
  uint32_t Backups() { return cluster_->Get(id_).status().backup(); }

  // A push soon to come is the last thing that its task does.
  void KillSoon() { pushes_left_ = 1 + static_cast<int>(random_() % 20); }
  bool Killed() const { return pushes_left_ <= 0; }
  uint32_t Draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  bool Until(const std::function<bool()>& condition) {
    TimePoint next = Clock::now();
    return MiniCluster::Eventually([&] {
      if (Clock::now() >= next) {
        gate_.Open(std::min(kSteps - 1, gate_.reached() + 1));
        next = Clock::now() + milliseconds(20);
      }
      return condition();
    });
  }
  void GoOn() { gate_.Open(UINT64_MAX); }

 private:
  // The lowest ranks are the last to be taken away: what waits here is never in anybody's way.
  void OnPush(const pb::PushHeader& header) {
    if (header.job() == first_job_ && header.rank() < held_) gate_.Pass(header.step());
    if (--pushes_left_ == 0) cluster_->KillTask(header.job(), header.rank());
  }

  const std::string first_job_ = "first-1";
  const uint32_t held_;
  std::mt19937 random_;
  std::atomic<int> pushes_left_{INT_MAX};
  StepGate gate_{1};
  std::unique_ptr<MiniCluster> cluster_;  // ends before what its tasks use
  std::string id_;
};

// Small, and long enough for any number of changes.
SmallJob FirstJob(const SmallJob& job) {
  SmallJob first = WithSteps(job, kSteps);
  first.text.replace(0, first.text.find('\n'), "name: first");
  return first;
}

std::string MayRestart(const std::string& yaml) { return yaml + "restart: {max_restarts: 100}\n"; }

TEST_CASE("a job resized 1, 4, 2, 8 and back, with tasks killed, has the plain loop's bits",
          "[cluster]") {
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    const SmallJob job = FirstJob(NesterovJob());
    ElasticRun run({.servers = 1 + seed % 2, .workers = 8, .slots = 2}, seed);
    run.SubmitFirst(MayRestart(job.Yaml(1)));
    for (const uint32_t workers : {4u, 2u, 8u, 1u}) {
      CAPTURE(workers);
      run.KillSoon();
      REQUIRE(run.cluster().Set(run.id(), absl::StrCat("workers=", workers)).ok());
      INFO(run.cluster().Story(run.id()));
      REQUIRE(run.Until([&] { return run.Tasks() == workers && run.Killed(); }));
    }
    run.GoOn();
    CheckSameBits(run.cluster(), run.id(), job);
    CheckAudit(run.cluster(), run.id());
    CHECK(run.cluster().Get(run.id()).status().restarts() > 0);
  }
}

TEST_CASE("a second job takes slots and gives them back, and both have the plain loop's bits",
          "[cluster]") {
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    const SmallJob job = FirstJob(AdamwJob());
    ElasticRun run({.servers = 2, .workers = 3}, seed);
    run.SubmitFirst(MayRestart(job.text + "workers: {min: 1, max: 3}\n"));
    for (const SmallJob& second : {NesterovJob(), DropoutJob()}) {
      REQUIRE(run.Until([&] { return run.Tasks() == 3; }));
      run.KillSoon();
      const uint32_t wanted = 1 + run.Draw(2);
      const std::string id = run.cluster().Submit(MayRestart(second.Yaml(wanted)));
      REQUIRE(run.Until([&] { return run.cluster().State(id) == pb::SUCCEEDED; }));
      CheckSameBits(run.cluster(), id, second);
    }
    REQUIRE(run.Until([&] { return run.Tasks() == 3; }));
    run.GoOn();
    CheckSameBits(run.cluster(), run.id(), job);
    CheckAudit(run.cluster(), run.id());
  }
}

uint32_t BackupRank(const pb::Plan& plan) {
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.backup()) return slot.rank();
  }
  return UINT32_MAX;
}

bool KillBackup(ElasticRun& run) {
  return run.cluster().KillTask(run.id(), BackupRank(run.Plan()));
}

std::string WorkerOf(const pb::Plan& plan, uint32_t rank) {
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.rank() == rank) return slot.worker();
  }
  return "";
}

TEST_CASE("a backup that is killed, started again and takes a lost task's place costs no bit",
          "[cluster]") {
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    const SmallJob job = FirstJob(seed % 2 == 0 ? SgdJob() : AdamwJob());
    ElasticRun run({.servers = 1 + seed % 2, .workers = 4}, seed, 2);  // a backup stands in for one
    run.SubmitFirst(MayRestart(With(job, "{bsp: {backup: 1}}", 3)));
    REQUIRE(run.Until([&] { return run.Backups() == 1; }));
    if (seed == 1) {  // the next one comes ten seconds later
      REQUIRE(run.Until([&] { return KillBackup(run); }));
      REQUIRE(run.Until([&] { return run.Backups() == 0; }));
    } else {
      run.KillSoon();
      REQUIRE(run.Until([&] { return run.Killed(); }));
    }
    REQUIRE(run.Until([&] { return run.Backups() == 1; }));
    const uint32_t backup = BackupRank(run.Plan());
    const std::string lost = WorkerOf(run.Plan(), 2);
    run.cluster().TakeWorker(lost);
    INFO("backup " << backup << ", lost " << lost << ": " << run.cluster().Story(run.id()));
    REQUIRE(run.Until([&] { return run.Backups() == 0 && run.Tasks() == 3; }));
    run.GoOn();
    CheckSameBits(run.cluster(), run.id(), job);
    CheckAudit(run.cluster(), run.id());
  }
}

TEST_CASE("tasks that move off workers that are drained, again and again, cost no bit and no step",
          "[cluster]") {
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    const SmallJob job = FirstJob(seed % 2 == 0 ? DropoutJob() : AdamwJob());
    ElasticRun run({.servers = seed, .workers = 3}, seed);
    run.SubmitFirst(job.Yaml(2));
    REQUIRE(run.Until([&] { return run.Tasks() == 2; }));
    for (int round = 0; round < 4; ++round) {
      const uint32_t rank = run.Draw(2);
      const std::string worker = WorkerOf(run.Plan(), rank);
      REQUIRE(run.cluster().Drain(worker, true).ok());
      INFO("rank " << rank << " on " << worker << ": " << run.cluster().Story(run.id()));
      REQUIRE(run.Until([&] {
        const pb::JobStatus status = run.cluster().Get(run.id()).status();
        const pb::TaskStatus& task = status.tasks(static_cast<int>(rank));
        return task.node() != worker && task.state() == "RUNNING";
      }));
      REQUIRE(run.cluster().Drain(worker, false).ok());
    }
    run.GoOn();
    CheckSameBits(run.cluster(), run.id(), job);
    CheckAudit(run.cluster(), run.id());
    CHECK(run.cluster().Get(run.id()).status().restarts() == 0);
    CHECK(run.Plan().history() == 1);
  }
}

// How many virtual workers a rank has.
uint32_t SlicesOf(MiniCluster& cluster, const std::string& id, uint32_t rank) {
  const pb::Plan plan = cluster.Get(id).plan();
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (slot.rank() == rank) return slot.end() - slot.begin();
  }
  return 0;
}

TEST_CASE("virtual workers that move away from slow tasks, with a task killed, cost no bit",
          "[cluster]") {
  constexpr uint32_t kNobody = UINT32_MAX;
  const SmallJob job = WithSteps(AdamwJob(), 5000);
  std::atomic<uint32_t> slow{2};
  std::atomic<bool> kill{false};
  MiniCluster* running = nullptr;
  MiniOptions options{.servers = 1, .workers = 3};
  options.on_push = [&](const pb::PushHeader& header) {
    if (slow == kNobody) return;
    const int slices = static_cast<int>(header.node_end() - header.node_begin());
    std::this_thread::sleep_for(milliseconds(slices * (header.rank() == slow ? 30 : 5)));
    if (kill.exchange(false)) running->KillTask(header.job(), header.rank());
  };
  MiniCluster cluster(options);
  running = &cluster;
  const std::string id = cluster.Submit(MayRestart(job.Yaml(3)) + "balance: auto\n");
  INFO(cluster.Story(id));
  CHECK(MiniCluster::Eventually([&] { return SlicesOf(cluster, id, 2) == 1; }));
  kill = true;
  slow = 0;
  CHECK(MiniCluster::Eventually([&] { return SlicesOf(cluster, id, 0) == 1; }));
  slow = kNobody;
  CheckSameBits(cluster, id, job);
  CheckAudit(cluster, id);
}

}  // namespace
}  // namespace paracord
