// Random histories of a cluster: hosts and the scheduler come and go, tasks die, people submit and
// cancel. What is checked after each step is what everybody else relies on; a failure prints the
// seed that makes it again.
#include <catch2/catch.hpp>
#include <random>

#include "tests/scheduler/sim_cluster.h"

namespace paracord {
namespace {

constexpr uint64_t kServerMemory = 600;  // for two jobs of the six, on two servers, or three

class Watcher {
 public:
  void Check(SimCluster& sim) {
    std::map<std::string, uint32_t> taken;
    bool all_started = true;
    for (const pb::JobStatus& status : sim.Jobs()) {
      const pb::Plan plan = sim.Get(status.id()).plan();
      CheckPlan(plan);
      CheckEnd(status);
      CheckSlots(sim, status, plan, taken);
      const bool started = plan.number() > 0;
      if (started && started_.insert(status.id()).second)
        REQUIRE(all_started);  // first in, first out
      all_started = all_started && (started || status.state() == pb::CANCELLED);
    }
    for (const auto& [worker, tasks] : taken) REQUIRE(tasks <= sim.host(worker).who.slots());
    CheckIncarnations(sim);
  }

 private:
  // Numbers only rise, one number is one plan, and its tasks cover all virtual workers once.
  void CheckPlan(pb::Plan plan) {
    if (plan.number() == 0) return;
    for (pb::ShardRange& shard : *plan.mutable_shards()) shard.clear_address();
    pb::Plan& last = plans_[plan.job()];
    REQUIRE(plan.number() >= last.number());
    REQUIRE(plan.history() == 1);
    if (plan.number() == last.number())
      REQUIRE(plan.SerializeAsString() == last.SerializeAsString());
    if (last.number() > 0) {
      REQUIRE(plan.shards_size() == last.shards_size());
      for (int i = 0; i < plan.shards_size(); ++i) {
        REQUIRE(plan.shards(i).server() == last.shards(i).server());
        REQUIRE(plan.shards(i).block_begin() == last.shards(i).block_begin());
      }
    }
    uint32_t covered = 0;
    for (const pb::TaskSlot& slot : plan.tasks()) {
      REQUIRE(slot.begin() == covered);
      REQUIRE(slot.end() > slot.begin());
      covered = slot.end();
    }
    REQUIRE(covered == (plan.phase() == pb::Plan::TRAINING ? kSimVirtualWorkers : 0));
    last = plan;
  }

  void CheckEnd(const pb::JobStatus& status) {
    const bool ended = status.state() != pb::PENDING && status.state() != pb::RUNNING;
    const auto known = ended_.find(status.id());
    if (known != ended_.end()) REQUIRE(known->second == status.state());
    if (ended) ended_[status.id()] = status.state();
    REQUIRE((status.state() != pb::FAILED || status.has_first_failure()));
    REQUIRE(status.restarts() <= 2);
    // A server's budget is never asked for more than there is, also while ended jobs free theirs.
    REQUIRE(status.first_failure().code() != CodeName(absl::StatusCode::kResourceExhausted));
  }

  static void CheckSlots(SimCluster& sim, const pb::JobStatus& status, const pb::Plan& plan,
                         std::map<std::string, uint32_t>& taken) {
    for (const pb::TaskSlot& slot : plan.tasks()) {
      const bool live = sim.host(slot.worker()).who.incarnation() == slot.worker_incarnation();
      const bool lost = status.tasks(static_cast<int>(slot.rank())).state() == "LOST";
      if (live && !lost) ++taken[slot.worker()];
    }
  }

  // Of all processes that ever claimed a rank, the plan names one and no older one is listened to.
  void CheckIncarnations(SimCluster& sim) {
    for (const auto& [name, host] : sim.hosts()) {
      for (const SimTask& task : host.tasks) seen_.insert(task);
    }
    for (const SimTask& task : seen_) {
      const pb::Plan& plan = plans_[task.job];
      const bool named = task.rank < static_cast<uint32_t>(plan.tasks_size()) &&
                         plan.tasks(static_cast<int>(task.rank)).incarnation() == task.incarnation;
      if (named) continue;
      pb::TaskReport zombie;
      zombie.set_job(task.job);
      zombie.set_rank(task.rank);
      zombie.set_incarnation(task.incarnation);
      zombie.set_step(1000);
      REQUIRE(absl::IsFailedPrecondition(sim.Report(zombie)));
    }
  }

  std::map<std::string, pb::Plan> plans_;
  std::map<std::string, pb::JobState> ended_;
  std::set<std::string> started_;
  std::set<SimTask> seen_;
};

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed) {
    for (const char* name : {"server-0", "server-1"}) sim_.AddServer(name, kServerMemory);
    for (const char* name : {"worker-0", "worker-1", "worker-2"}) sim_.AddWorker(name, 2);
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
      watcher_.Check(sim_);
    }
    Heal();
  }

 private:
  uint64_t Draw(uint64_t bound) { return random_() % bound; }
  std::string AnyHost(const char* role, uint64_t count) { return absl::StrCat(role, Draw(count)); }
  std::string AnyJob() { return jobs_.empty() ? "" : jobs_[Draw(jobs_.size())]; }

  void Step() {
    switch (Draw(14)) {
      case 0:
      case 1:
        if (jobs_.size() < 6)
          jobs_.push_back(sim_.Submit({.workers = 1 + static_cast<uint32_t>(Draw(4))}));
        return;
      case 2:
        return sim_.Kill(AnyHost("worker-", 3));
      case 3:
        return sim_.Start(AnyHost("worker-", 3));
      case 4:
        if (Draw(6) == 0) sim_.Kill(AnyHost("server-", 2));
        return;
      case 5:
        return RestartHost(AnyHost("server-", 2));
      case 6:
        return RestartHost(AnyHost("worker-", 3));
      case 7:
        return sim_.RestartScheduler(milliseconds(Draw(5000)));
      case 8:
        return KillTask();
      case 9:
        return Progress();
      case 10:
        if (!jobs_.empty()) sim_.ReportAllDone(AnyJob());
        return;
      case 11:
        return sim_.Pass(milliseconds(100 * Draw(40)));
      case 12:
        return sim_.PassSilently(milliseconds(100 * Draw(25)));
      default:
        if (!jobs_.empty() && Draw(4) == 0) (void)sim_.Cancel(AnyJob());
    }
  }

  // In order, and back after a while.
  void RestartHost(const std::string& name) {
    if (sim_.host(name).alive) sim_.Leave(name);
    sim_.Pass(milliseconds(100 * Draw(20)));
    sim_.Start(name);
  }

  void KillTask() {
    const std::string job = AnyJob();
    const auto rank = static_cast<uint32_t>(Draw(4));
    if (job.empty() || sim_.LiveTask(job, rank) == nullptr) return;
    constexpr int kCodes[] = {0, 137, 137, 139, 1};
    sim_.Exit(job, rank, kCodes[Draw(5)]);
  }

  void Progress() {
    const std::string job = AnyJob();
    if (job.empty()) return;
    for (uint32_t rank = 0; rank < 4; ++rank) (void)sim_.ReportStep(job, rank, 1 + Draw(kSimSteps));
  }

  // With all hosts back and all tasks willing, every job ends.
  void Heal() {
    for (auto& [name, host] : sim_.hosts()) {
      if (!host.alive) sim_.Start(name);
    }
    for (int round = 0; round < 30; ++round) {
      sim_.Pass(seconds(1));
      for (const std::string& job : jobs_) sim_.ReportAllDone(job);
      watcher_.Check(sim_);
    }
    for (const pb::JobStatus& status : sim_.Jobs()) {
      INFO(status.ShortDebugString());
      REQUIRE(status.state() != pb::PENDING);
      REQUIRE(status.state() != pb::RUNNING);
    }
  }

  std::mt19937_64 random_;
  SimCluster sim_;
  Watcher watcher_;
  std::vector<std::string> jobs_;
};

TEST_CASE("whatever happens in whatever order, plans stay plans and every job ends") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Schedule(seed).Run(40);
  }
}

}  // namespace
}  // namespace paracord
