// Random histories of a cluster: hosts and the scheduler come and go, tasks die, jobs grow and
// shrink, people submit, change and cancel, and drain workers. What is checked after each step is
// what everybody else relies on; a failure prints the seed that makes it again.
#include <catch2/catch.hpp>
#include <random>

#include "scheduler/plan_tasks.h"
#include "tests/scheduler/sim_cluster.h"
#include "tests/scheduler/sim_drain.h"

namespace paracord {
namespace {

constexpr uint32_t kSlots = 6;
constexpr uint64_t kServerMemory = 600;  // for two jobs of the six, on two servers, or three

class Watcher {
 public:
  void Check(SimCluster& sim) {
    std::map<std::string, uint32_t> taken;
    draining_.clear();
    for (const pb::Node& node : sim.Nodes()) {
      if (node.draining()) draining_.insert(node.id());
    }
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
  // Numbers only rise, one number is one plan, and its tasks cover all virtual workers once; each
  // backup stands by one of them.
  void CheckPlan(pb::Plan plan) {
    if (plan.number() == 0) return;
    for (pb::ShardRange& shard : *plan.mutable_shards()) shard.clear_address();
    pb::Plan& last = plans_[plan.job()];
    REQUIRE(plan.number() >= last.number());
    REQUIRE(plan.history() >= last.history());
    if (plan.number() == last.number())
      REQUIRE(plan.SerializeAsString() == last.SerializeAsString());
    if (last.number() > 0) {
      REQUIRE(plan.shards_size() == last.shards_size());
      for (int i = 0; i < plan.shards_size(); ++i) {
        REQUIRE(plan.shards(i).server() == last.shards(i).server());
        REQUIRE(plan.shards(i).block_begin() == last.shards(i).block_begin());
      }
    }
    CheckTasks(plan);
    for (const pb::TaskSlot& slot : plan.tasks()) CheckProcess(plan, last, slot);
    last = plan;
  }

  // An incarnation of a rank is one process: on one worker, not on one that is being drained when
  // it starts, and never again once it was left out.
  void CheckProcess(const pb::Plan& plan, const pb::Plan& last, const pb::TaskSlot& slot) {
    pb::TaskSlot& known = processes_[{plan.job(), slot.rank()}];
    REQUIRE(slot.incarnation() >= known.incarnation());
    if (slot.incarnation() == known.incarnation()) {
      REQUIRE(slot.worker_incarnation() == known.worker_incarnation());
      REQUIRE(FindTask(last, slot.rank()) != nullptr);
    } else {
      REQUIRE(draining_.count(slot.worker()) == 0);
    }
    known = slot;
  }

  static void CheckTasks(const pb::Plan& plan) {
    uint32_t covered = 0;
    int64_t rank = -1;
    for (const pb::TaskSlot& slot : plan.tasks()) {
      REQUIRE(slot.rank() > rank);
      rank = slot.rank();
      REQUIRE(slot.end() > slot.begin());
      if (slot.backup()) continue;
      REQUIRE(slot.begin() == covered);
      covered = slot.end();
    }
    REQUIRE(covered == (plan.phase() == pb::Plan::TRAINING ? kSimVirtualWorkers : 0));
    REQUIRE(Shadows(plan).size() == BackupCount(plan));
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
      const pb::TaskStatus& task = status.tasks(static_cast<int>(slot.rank()));
      const bool over =
          task.state() == "LOST" ||
          (task.state() == "DONE" && sim.LiveTask(status.id(), slot.rank()) == nullptr);
      if (live && !over) ++taken[slot.worker()];
    }
  }

  // Of all processes that ever claimed a rank, the plan names one and no older one is listened to.
  void CheckIncarnations(SimCluster& sim) {
    for (const auto& [name, host] : sim.hosts()) {
      for (const SimTask& task : host.tasks) seen_.insert(task);
    }
    for (const SimTask& task : seen_) {
      const pb::Plan& plan = plans_[task.job];
      const pb::TaskSlot* slot = FindTask(plan, task.rank);
      if (slot != nullptr && slot->incarnation() == task.incarnation) continue;
      pb::TaskReport zombie;
      zombie.set_job(task.job);
      zombie.set_rank(task.rank);
      zombie.set_incarnation(task.incarnation);
      zombie.set_step(1000);
      REQUIRE(absl::IsFailedPrecondition(sim.Report(zombie)));
    }
  }

  std::map<std::string, pb::Plan> plans_;
  std::map<std::pair<std::string, uint32_t>, pb::TaskSlot> processes_;
  std::map<std::string, pb::JobState> ended_;
  std::set<std::string> started_;
  std::set<std::string> draining_;
  std::set<SimTask> seen_;
};

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed) {
    for (const char* name : {"server-0", "server-1"}) sim_.AddServer(name, kServerMemory);
    for (const char* name : {"worker-0", "worker-1", "worker-2"}) sim_.AddWorker(name, kSlots / 3);
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
    switch (Draw(18)) {
      case 0:
      case 1:
        if (jobs_.size() < 6) Submit(AnySpec());
        return;
      case 2:
        return sim_.Kill(AnyHost("worker-", 3));
      case 3:
        return sim_.Start(AnyHost("worker-", 3));
      case 4:
        sim_.Kill(AnyHost("server-", 2));
        if (Draw(2) == 0) sim_.Pass(milliseconds(100 * Draw(30)));
        if (Draw(3) > 0) StartDead();
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
      case 13:
        return Set();
      case 14:
        return Checkpoint();
      case 15:
        return (void)Drain(sim_, AnyHost("worker-", 3));
      case 16:
        return (void)Undrain(sim_, AnyHost("worker-", 3));
      default:
        if (!jobs_.empty() && Draw(4) == 0) (void)sim_.Cancel(AnyJob());
    }
  }

  void StartDead() {
    for (auto& [name, host] : sim_.hosts()) {
      if (!host.alive) sim_.Start(name);
    }
  }

  // Of a step that the job has; or a part of one, as when a server dies before the others store it.
  void Checkpoint() {
    const std::string job = AnyJob();
    if (job.empty() || sim_.State(job) != pb::RUNNING) return;
    const uint64_t step = sim_.Get(job).status().step();
    if (Draw(3) > 0) return sim_.Checkpoint(job, step);
    const pb::Plan plan = sim_.Get(job).plan();
    const pb::ShardRange& shard = plan.shards(static_cast<int>(Draw(plan.shards_size())));
    StoreOn(sim_.host(shard.server()).disk, plan, shard, step);
  }

  // Half of them elastic.
  SimJob AnySpec() {
    SimJob spec{.workers = 1 + static_cast<uint32_t>(Draw(4))};
    if (Draw(2) == 0) spec.min_workers = 1 + static_cast<uint32_t>(Draw(spec.workers));
    spec.consistency = AnyConsistency();
    spec.balance = Draw(2) == 0;
    return spec;
  }

  void Submit(const SimJob& spec) {
    jobs_.push_back(sim_.Submit(spec));
    most_[jobs_.back()] = spec.workers;
  }

  std::string AnyConsistency() {
    constexpr const char* kModes[] = {"bsp", "{bsp: {backup: 1}}", "{bsp: {backup: 2}}", "{ssp: 2}",
                                      "async"};
    return kModes[Draw(5)];
  }

  void Set() {
    if (jobs_.empty()) return;
    const std::string job = AnyJob();
    std::vector<std::string> settings = {"consistency=" + AnyConsistency()};
    const auto most = static_cast<uint32_t>(Draw(7));  // 0: as it is
    if (most > 0) settings.push_back(absl::StrCat("workers={min: 1, max: ", most, "}"));
    const absl::Status set = sim_.Set(job, settings);
    REQUIRE((set.ok() || absl::IsFailedPrecondition(set)));
    if (set.ok() && most > 0) most_[job] = most;
  }

  // In order, and back after a while.
  void RestartHost(const std::string& name) {
    if (sim_.host(name).alive) sim_.Leave(name);
    sim_.Pass(milliseconds(100 * Draw(20)));
    sim_.Start(name);
  }

  void KillTask() {
    const std::string job = AnyJob();
    const auto rank = static_cast<uint32_t>(Draw(6));
    if (job.empty() || sim_.LiveTask(job, rank) == nullptr) return;
    constexpr int kCodes[] = {0, 137, 137, 139, 1};
    sim_.Exit(job, rank, kCodes[Draw(5)]);
  }

  void Progress() {
    const std::string job = AnyJob();
    if (job.empty()) return;
    for (uint32_t rank = 0; rank < 6; ++rank) {
      pb::TaskReport report = sim_.MakeReport(job, rank);
      report.set_step(1 + Draw(kSimSteps));
      report.set_busy_seconds(slices_[job] * (rank == Draw(6) ? 0.3 : 0.1));
      report.set_slices(slices_[job] += Draw(20));
      (void)sim_.Report(report);
    }
  }

  bool AnyPending() {
    const std::vector<pb::JobStatus> jobs = sim_.Jobs();
    return std::any_of(jobs.begin(), jobs.end(),
                       [](const auto& job) { return job.state() == pb::PENDING; });
  }

  // With nobody waiting and a slot free, every job soon has all the tasks that it may have.
  void CheckSettled() {
    sim_.Pass(seconds(15));
    uint32_t taken = 0;
    for (const pb::Node& node : sim_.Nodes()) taken += node.tasks();
    if (taken == kSlots) return;
    for (const pb::JobStatus& status : sim_.Jobs()) {
      const pb::Plan plan = sim_.Get(status.id()).plan();
      const auto& tasks = status.tasks();
      const bool ending = std::any_of(tasks.begin(), tasks.end(),
                                      [](const auto& task) { return task.state() == "DONE"; });
      if (status.state() != pb::RUNNING || plan.phase() != pb::Plan::TRAINING || ending) continue;
      INFO(status.ShortDebugString());
      CHECK(TaskCount(plan) == most_[status.id()]);
      CHECK(BackupCount(plan) == std::min(plan.consistency().backup(), TaskCount(plan)));
    }
  }

  // With all hosts back and all tasks willing, every job ends.
  void Heal() {
    StartDead();
    sim_.Pass(seconds(4));
    for (int i = 0; i < 3; ++i) REQUIRE(Undrain(sim_, absl::StrCat("worker-", i)).ok());
    sim_.Pass(seconds(4));
    if (!AnyPending()) CheckSettled();
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
  std::map<std::string, uint32_t> most_;    // tasks that a job may have
  std::map<std::string, uint64_t> slices_;  // counted by each task of a job, more or less
};

TEST_CASE("whatever happens in whatever order, plans stay plans and every job ends") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Schedule(seed).Run(40);
  }
}

}  // namespace
}  // namespace paracord
