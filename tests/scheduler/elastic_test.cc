// Jobs that grow and shrink: who gets a free slot, who gives one back, and when.
#include "scheduler/elastic.h"

#include "scheduler/plan_tasks.h"
#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// Four workers of one slot.
struct Slots {
  SimCluster sim;
  Slots() {
    sim.AddServer("server-0");
    for (const char* name : {"worker-0", "worker-1", "worker-2", "worker-3"}) sim.AddWorker(name);
  }
  std::string Submit(uint32_t least, uint32_t most) {
    return sim.Submit({.workers = most, .min_workers = least});
  }
  uint32_t Tasks(const std::string& job) { return TaskCount(sim.Get(job).plan()); }
  std::string State(const std::string& job, int rank) {
    return sim.Get(job).status().tasks(rank).state();
  }
  // Its tasks cover all virtual workers.
  void CheckWhole(const std::string& job) {
    uint32_t end = 0;
    const pb::Plan plan = sim.Get(job).plan();
    for (const pb::TaskSlot& slot : plan.tasks()) {
      if (slot.backup()) continue;
      CHECK(slot.begin() == end);
      end = slot.end();
    }
    CHECK(end == kSimVirtualWorkers);
  }
};

TEST_CASE(
    "a range of workers starts on what is free and grows when more comes, every 2 s at most") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0");
  const std::string job = sim.Submit({.workers = 3, .min_workers = 1});
  REQUIRE(sim.State(job) == pb::RUNNING);
  CHECK(sim.Get(job).plan().tasks_size() == 1);
  sim.AddWorker("worker-1");
  sim.Pass(seconds(1));
  CHECK(sim.Get(job).plan().tasks_size() == 1);
  sim.Pass(seconds(1));
  CHECK(sim.Get(job).plan().tasks_size() == 2);
  CHECK(sim.Get(job).plan().number() == 2);
  CHECK(sim.Get(job).plan().history() == 1);
  sim.AddWorker("worker-2", 4);
  CHECK(sim.Get(job).plan().number() == 2);
  sim.Pass(seconds(2));
  CHECK(sim.Get(job).plan().number() == 3);
  CHECK(sim.Get(job).plan().tasks_size() == 3);  // not more than it may have
  sim.Pass(seconds(10));
  CHECK(sim.Get(job).plan().number() == 3);
}

TEST_CASE("a task keeps its rank and its process while others come and go") {
  Slots slots;
  const std::string job = slots.Submit(1, 4);
  slots.sim.Beat();
  REQUIRE(slots.Tasks(job) == 4);
  slots.sim.Kill("worker-1");
  slots.sim.Pass(seconds(3));
  const pb::Plan plan = slots.sim.Get(job).plan();
  REQUIRE(plan.tasks_size() == 3);
  CHECK(plan.tasks(1).rank() == 2);
  CHECK(plan.tasks(1).incarnation() == 1);
  CHECK(slots.State(job, 1) == "RELEASED");
  slots.CheckWhole(job);
  CHECK(slots.sim.ReportStep(job, 3, 5).ok());
  CHECK(slots.sim.ReportStep(job, 0, 6).ok());
  CHECK(slots.sim.Get(job).status().step() == 6);
  CHECK(slots.sim.Get(job).status().tasks(3).step() == 5);
  CHECK(slots.sim.Get(job).status().waits_size() == 0);  // one task is all that it must have
}

TEST_CASE("with rank 0 gone the lowest rank that is left speaks for the job") {
  Slots slots;
  const std::string job = slots.Submit(1, 2);
  slots.sim.Kill("worker-0");
  slots.sim.Kill("worker-2");
  slots.sim.Kill("worker-3");
  slots.sim.Pass(seconds(3));
  REQUIRE(slots.Tasks(job) == 1);
  CHECK(slots.sim.Get(job).plan().tasks(0).rank() == 1);
  pb::TaskReport report = slots.sim.MakeReport(job, 1);
  report.set_step(4);
  report.set_has_loss(true);
  report.set_loss(0.75);
  REQUIRE(slots.sim.Report(report).ok());
  CHECK(slots.sim.Get(job).status().step() == 4);
  CHECK(slots.sim.Get(job).status().loss() == 0.75);
  slots.sim.ReportAllDone(job);
  slots.sim.Pass(seconds(1));
  CHECK(slots.sim.State(job) == pb::SUCCEEDED);
}

TEST_CASE("a report of a rank that was released is refused, and its process is told to go") {
  Slots slots;
  const std::string job = slots.Submit(1, 4);
  slots.sim.Beat();
  const pb::TaskReport old = slots.sim.MakeReport(job, 3);
  slots.sim.Submit({.workers = 1});
  CHECK(slots.Tasks(job) == 3);
  CHECK(absl::IsFailedPrecondition(slots.sim.Report(old)));
  slots.sim.Beat();
  CHECK(slots.sim.LiveTask(job, 3) == nullptr);
}

TEST_CASE(
    "a pending job gets slots back from those that have more than they must, and only so many") {
  Slots slots;
  const std::string a = slots.Submit(1, 4);
  REQUIRE(slots.Tasks(a) == 4);
  const std::string b = slots.sim.Submit({.workers = 2});
  CHECK(slots.Tasks(a) == 2);
  if (GENERATE(false, true)) slots.sim.RestartScheduler();
  slots.sim.Pass(seconds(2));
  CHECK(slots.sim.State(b) == pb::RUNNING);
  CHECK(slots.Tasks(a) == 2);
  slots.CheckWhole(a);
  CHECK(slots.sim.Get(a).status().tasks(2).state() == "RELEASED");
  CHECK(slots.sim.Get(a).status().tasks(3).state() == "RELEASED");
  SECTION("and gives them back when it has ended") {
    slots.sim.ReportAllDone(b);
    slots.sim.Pass(seconds(5));
    CHECK(slots.sim.State(b) == pb::SUCCEEDED);
    CHECK(slots.Tasks(a) == 4);
  }
  SECTION("nobody overtakes: a job that cannot have enough blocks those behind it") {
    const std::string c = slots.sim.Submit({.workers = 2});
    const std::string d = slots.sim.Submit({.workers = 1});
    slots.sim.Pass(seconds(5));
    CHECK(slots.sim.State(c) == pb::PENDING);
    CHECK(slots.sim.State(d) == pb::PENDING);
    CHECK(slots.Tasks(a) == 2);  // its one spare task would not do
  }
}

TEST_CASE("the youngest job gives first, and never below its least") {
  Slots slots;
  const std::string a = slots.Submit(1, 2);
  const std::string b = slots.Submit(1, 2);
  REQUIRE(slots.Tasks(b) == 2);
  const std::string c = slots.sim.Submit({.workers = 1});
  CHECK(slots.Tasks(a) == 2);
  CHECK(slots.Tasks(b) == 1);
  slots.sim.Pass(seconds(1));
  CHECK(slots.sim.State(c) == pb::RUNNING);
  const std::string d = slots.sim.Submit({.workers = 1});
  slots.sim.Pass(seconds(1));
  CHECK(slots.Tasks(a) == 1);
  CHECK(slots.sim.State(d) == pb::RUNNING);
  const std::string e = slots.sim.Submit({.workers = 1});
  slots.sim.Pass(seconds(5));
  CHECK(slots.sim.State(e) == pb::PENDING);
}

TEST_CASE("a job that lost a task gets a slot before a pending one does") {
  Running run;
  const std::string next = run.sim.Submit({.name = "next", .workers = 1});
  run.sim.Kill("worker-0");
  run.sim.Pass(seconds(3));
  REQUIRE(run.plan().tasks_size() == 1);
  SECTION("at once") { run.sim.Start("worker-0"); }
  SECTION("also when the scheduler was started again in between") {
    run.sim.RestartScheduler();
    run.sim.Pass(seconds(1));
    CHECK(run.plan().tasks_size() == 1);
    run.sim.Start("worker-0");
  }
  CHECK(run.plan().tasks_size() == 2);
  CHECK(run.sim.State(next) == pb::PENDING);
}

TEST_CASE("a slot that a job will grow back onto is kept from a pending one meanwhile") {
  Running run;
  const std::string next = run.sim.Submit({.name = "next", .workers = 1});
  run.sim.Pass(milliseconds(500));
  run.sim.Leave("worker-0");
  REQUIRE(run.plan().tasks_size() == 1);
  run.sim.Start("worker-0");  // within 2 s of the job's start
  CHECK(run.plan().tasks_size() == 1);
  CHECK(run.sim.State(next) == pb::PENDING);
  run.sim.Pass(seconds(2));
  CHECK(run.plan().tasks_size() == 2);
  CHECK(run.sim.State(next) == pb::PENDING);
}

TEST_CASE("a job that lost a task gets the slot of one that has more than it must") {
  Slots slots;
  const std::string fixed = slots.sim.Submit({.workers = 2});
  const std::string range = slots.Submit(1, 2);
  slots.sim.Kill("worker-0");
  slots.sim.Pass(seconds(3));
  CHECK(slots.Tasks(range) == 1);
  slots.sim.Pass(seconds(1));
  CHECK(slots.Tasks(fixed) == 2);
  slots.sim.Pass(seconds(5));
  CHECK(slots.Tasks(range) == 1);
}

TEST_CASE("a job that no giving back would help stops nobody from growing") {
  Slots slots;
  const std::string big = slots.sim.Submit({.workers = 8});
  slots.sim.Cancel(big).IgnoreError();
  const std::string a = slots.Submit(1, 8);
  CHECK(slots.Tasks(a) == 4);
  const std::string b = slots.sim.Submit({.workers = 8});
  slots.sim.AddWorker("worker-4");
  slots.sim.Pass(seconds(3));
  CHECK(slots.Tasks(a) == 5);
  CHECK(slots.sim.State(b) == pb::PENDING);
  slots.sim.AddWorker("worker-5", 4);  // now eight of nine would do
  slots.sim.Pass(seconds(3));
  CHECK(slots.Tasks(a) == 1);
  CHECK(slots.sim.State(b) == pb::RUNNING);
}

TEST_CASE("a job that waits for memory makes nobody give slots back, and its slots are kept") {
  SimCluster sim;
  sim.AddServer("server-0", 2500);
  sim.AddWorker("worker-0", 2);
  const std::string a = sim.Submit({.workers = 3, .min_workers = 1, .units = 30});
  const std::string b = sim.Submit({.units = 30});
  sim.Pass(seconds(5));
  CHECK(sim.Get(a).plan().tasks_size() == 2);
  CHECK(sim.State(b) == pb::PENDING);
  sim.AddWorker("worker-1");
  sim.Pass(seconds(5));
  CHECK(sim.Get(a).plan().tasks_size() == 2);
}

TEST_CASE(
    "1, 4, 2, 4 workers: each plan follows the one before, over restarts of the scheduler too") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0");
  const std::string job = sim.Submit({.workers = 4, .max_restarts = 9, .min_workers = 1});
  const auto tasks = [&] { return sim.Get(job).plan().tasks_size(); };
  const bool restarts = GENERATE(false, true);
  const auto settle = [&] {
    sim.Pass(seconds(3));
    if (restarts) sim.RestartScheduler();
    sim.Pass(seconds(3));
  };
  for (const char* name : {"worker-1", "worker-2", "worker-3"}) sim.AddWorker(name);
  settle();
  CHECK(tasks() == 4);
  sim.Kill("worker-0");
  sim.Leave("worker-2");
  settle();
  CHECK(tasks() == 2);
  sim.Start("worker-0");
  sim.Start("worker-2");
  settle();
  CHECK(tasks() == 4);
  CHECK(sim.Get(job).plan().history() == 1);
  CHECK(sim.Get(job).status().tasks_size() == 4);
  sim.ReportAllDone(job);
  sim.Pass(seconds(1));
  CHECK(sim.State(job) == pb::SUCCEEDED);
}

TEST_CASE(
    "a job whose first task is done neither grows nor gives: the others are about to be done") {
  Slots slots;
  const std::string job = slots.Submit(1, 8);
  slots.sim.Beat();
  pb::TaskReport done = slots.sim.MakeReport(job, 0);
  done.set_step(kSimSteps);
  done.set_done(true);
  REQUIRE(slots.sim.Report(done).ok());
  slots.sim.Submit({.workers = 1});
  slots.sim.AddWorker("worker-4");
  slots.sim.Pass(seconds(3));
  CHECK(slots.Tasks(job) == 4);
  CHECK(slots.sim.Get(job).plan().number() == 1);
}

TEST_CASE("a task that is lost while its job ends gets the slot of one that is done") {
  Running run;
  pb::TaskReport done = run.sim.MakeReport(run.job, 0);
  done.set_step(kSimSteps);
  done.set_done(true);
  REQUIRE(run.sim.Report(done).ok());
  run.sim.Exit(run.job, 0, 0);
  const std::string other = run.plan().tasks(1).worker();
  run.sim.Kill(other);
  run.sim.Pass(seconds(4));
  const SimTask* again = run.sim.LiveTask(run.job, 1);
  REQUIRE(again != nullptr);
  CHECK(run.plan().tasks(1).worker() == run.plan().tasks(0).worker());
  pb::TaskReport last = run.sim.MakeReport(run.job, 1);
  last.set_step(kSimSteps);
  last.set_done(true);
  REQUIRE(run.sim.Report(last).ok());
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
}

}  // namespace
}  // namespace paracord
