// Workers that are taken out of use: what moves, what waits, and that nobody gets a slot there.
#include "scheduler/drain.h"

#include "scheduler/plan_tasks.h"
#include "scheduler/resize.h"
#include "tests/scheduler/hosts.h"
#include "tests/scheduler/running_job.h"
#include "tests/scheduler/sim_drain.h"

namespace paracord {
namespace {

// On workers a, b, c of two slots; `tasks` of them taken by one job.
struct Drained {
  Hosts hosts;
  pb::Plan plan;

  explicit Drained(uint32_t tasks, uint32_t slots = 2) {
    hosts.Server("s").Worker("a", slots).Worker("b", slots).Worker("c", slots);
    JobNeeds needs = Needs(tasks);
    plan = *FirstPlan("j-1", needs, hosts.resources).plan;
    hosts.Occupy(plan);
  }
  Planned Next(const std::set<std::string>& draining, uint32_t least) {
    hosts.resources.draining = draining;
    return DrainPlan(plan, least, hosts.resources);
  }
};

TEST_CASE("a task moves to a free slot under its rank and range, as another process") {
  Drained job(2);
  REQUIRE(Placement(job.plan) == "a[0,4) b[4,8) ");
  const Planned next = job.Next({"b"}, 2);
  REQUIRE(next.plan.has_value());
  CHECK(Placement(*next.plan) == "a[0,4) c[4,8) ");
  CHECK(next.why == "task 1 moves from b to c");
  CHECK(next.plan->number() == 2);
  CHECK(next.plan->history() == 1);
  CHECK(next.plan->tasks(0).incarnation() == 1);
  CHECK(next.plan->tasks(1).incarnation() == 2);
  CHECK(next.waits.empty());
  CHECK(!job.Next({"c"}, 2).plan.has_value());  // it has no task there
  CHECK(!job.Next({}, 2).plan.has_value());
}

TEST_CASE("what has no slot is given up as far as the job may, and else stays and is waited for") {
  Drained job(6);
  REQUIRE(Placement(job.plan) == "a[0,1) b[1,2) c[2,4) a[4,5) b[5,6) c[6,8) ");
  const Planned fixed = job.Next({"b"}, 6);
  CHECK(!fixed.plan.has_value());
  REQUIRE(fixed.waits.size() == 1);
  CHECK(fixed.waits[0].who() == "j-1");
  CHECK(fixed.waits[0].what() ==
        "b is being drained; 2 free slots needed, computing as cpu AVX2 oneDNN 2.6.0 (a: 2 of 2 "
        "busy with j-1; c: 2 of 2 busy with j-1)");
  const Planned one = job.Next({"b"}, 5);
  CHECK(Placement(*one.plan) == "a[0,1) b[1,3) c[3,4) a[4,6) c[6,8) ");
  REQUIRE(one.waits.size() == 1);
  CHECK(Has(one.waits[0].what(), "b is being drained; 1 free slots needed"));
  const Planned both = job.Next({"b"}, 1);
  CHECK(Ranks(*both.plan) == "0[0,2) 2[2,4) 3[4,6) 5[6,8) ");
  CHECK(both.waits.empty());
  const Planned all = job.Next({"a", "b", "c"}, 1);
  CHECK(Ranks(*all.plan) == "0[0,8) ");  // one has to go on
  CHECK(all.waits.size() == 1);
}

TEST_CASE("a backup just goes") {
  Drained job(2);
  job.plan = *BackupPlan(job.plan, 1, {1, 0}, job.hosts.resources).plan;
  REQUIRE(Ranks(job.plan) == "0[0,4) 1[4,8) 2+[4,8) ");
  REQUIRE(job.plan.tasks(2).worker() == "c");
  const Planned next = job.Next({"c"}, 2);
  CHECK(Ranks(*next.plan) == "0[0,4) 1[4,8) ");
  CHECK(next.waits.empty());
}

TEST_CASE("a task moves and its old process leaves: no restart, no history, nothing fails") {
  Running run;
  run.sim.AddWorker("worker-2");
  run.sim.ReportStep(run.job, 0, 4).IgnoreError();
  const pb::TaskReport old = run.sim.MakeReport(run.job, 1);
  CHECK(Drain(run.sim, "worker-1").value() == 1);
  const pb::Plan plan = run.plan();
  CHECK(plan.number() == 2);
  CHECK(plan.history() == 1);
  CHECK(plan.tasks(1).worker() == "worker-2");
  CHECK(run.status().tasks(1).node() == "worker-2");
  CHECK(run.status().tasks(1).state() == "STARTING");
  CHECK(absl::IsFailedPrecondition(run.sim.Report(old)));    // it is told to go
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINING");  // its process may still be there
  CHECK(NodeOf(run.sim, "worker-1").draining());
  run.sim.Beat();
  run.sim.Beat();
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINED");
  CHECK(NodeOf(run.sim, "worker-2").state() == "READY");
  CHECK(run.sim.ReportStep(run.job, 1, 5).ok());
  CHECK(run.status().restarts() == 0);
  CHECK(run.status().step() == 4);
  run.sim.Pass(seconds(10));
  CHECK(run.plan().number() == 2);
  run.sim.ReportAllDone(run.job);
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
}

TEST_CASE("without a free slot a job of a fixed number goes on as it is and says what it needs") {
  Running run;
  CHECK(Drain(run.sim, "worker-1").value() == 1);
  run.sim.Pass(seconds(5));
  CHECK(run.plan().number() == 1);
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINING");
  CHECK(run.sim.ReportStep(run.job, 1, 5).ok());
  CHECK(Has(run.sim.Waits(run.job), "worker-1 is being drained; 1 free slots needed"));
  SECTION("a slot that comes is taken at once") {
    run.sim.AddWorker("worker-2");
    CHECK(run.plan().tasks(1).worker() == "worker-2");
    CHECK(run.sim.Waits(run.job).find("drained") == std::string::npos);
  }
  SECTION("also before a job that is pending") {
    const std::string next = run.sim.Submit({.name = "next", .workers = 1});
    CHECK(Has(run.sim.Waits(next), "worker-1 is being drained"));
    run.sim.AddWorker("worker-2");
    CHECK(run.plan().tasks(1).worker() == "worker-2");
    CHECK(run.sim.State(next) == pb::PENDING);
  }
  SECTION("undrained, it waits for nothing") {
    REQUIRE(Undrain(run.sim, "worker-1").ok());
    run.sim.Beat();
    CHECK(run.sim.Waits(run.job).empty());
    CHECK(NodeOf(run.sim, "worker-1").state() == "READY");
    CHECK(run.plan().number() == 1);
  }
}

TEST_CASE("a job that has more than it must gives a slot to one that has to move") {
  SimCluster sim;
  sim.AddServer("server-0");
  for (const char* name : {"worker-0", "worker-1"}) sim.AddWorker(name);
  const std::string fixed = sim.Submit({.workers = 2});
  for (const char* name : {"worker-2", "worker-3"}) sim.AddWorker(name);
  const std::string range = sim.Submit({.name = "range", .workers = 2, .min_workers = 1});
  REQUIRE(Placement(sim.Get(range).plan()) == "worker-2[0,4) worker-3[4,8) ");
  REQUIRE(Drain(sim, "worker-0").ok());
  sim.Pass(seconds(2));
  CHECK(Placement(sim.Get(fixed).plan()) == "worker-3[0,4) worker-1[4,8) ");
  CHECK(Placement(sim.Get(range).plan()) == "worker-2[0,8) ");
  sim.Pass(seconds(5));
  CHECK(sim.Get(range).plan().tasks_size() == 1);
}

TEST_CASE("an elastic job goes on with its other workers, and grows back after undrain") {
  Running run({.workers = 2, .min_workers = 1});
  CHECK(Drain(run.sim, "worker-0").value() == 1);
  REQUIRE(run.plan().tasks_size() == 1);
  CHECK(run.plan().tasks(0).worker() == "worker-1");
  CHECK(run.plan().history() == 1);
  CHECK(run.status().tasks(0).state() == "RELEASED");
  run.sim.Pass(seconds(10));
  CHECK(run.plan().tasks_size() == 1);  // not onto that worker
  CHECK(NodeOf(run.sim, "worker-0").state() == "DRAINED");
  CHECK(run.sim.Waits(run.job).empty());
  REQUIRE(Undrain(run.sim, "worker-0").ok());
  run.sim.Pass(seconds(3));
  CHECK(run.plan().tasks_size() == 2);
  CHECK(run.status().restarts() == 0);
}

TEST_CASE("nothing is placed on a worker that is being drained, by nobody") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0", 1);
  sim.AddWorker("worker-1", 4);
  REQUIRE(Drain(sim, "worker-1").value() == 0);
  CHECK(NodeOf(sim, "worker-1").state() == "DRAINED");
  SECTION("a job that is submitted") {
    const std::string job = sim.Submit({.workers = 2});
    CHECK(sim.State(job) == pb::PENDING);
    CHECK(Has(sim.Waits(job), "2 free slots needed, 1 free (worker-1 is being drained)"));
    REQUIRE(Undrain(sim, "worker-1").ok());
    CHECK(sim.State(job) == pb::RUNNING);
  }
  SECTION("a job that may grow, one that wants a backup, a task that died") {
    const std::string job = sim.Submit({.workers = 3,
                                        .max_restarts = 9,
                                        .min_workers = 1,
                                        .consistency = "{bsp: {backup: 1}}",
                                        .balance = true});
    sim.Pass(seconds(10));
    CHECK(sim.Get(job).plan().tasks_size() == 1);
    sim.Exit(job, 0, 137);
    sim.Pass(seconds(5));
    CHECK(Placement(sim.Get(job).plan()) == "worker-0[0,8) ");
    sim.Kill("worker-0");
    sim.Pass(seconds(10));
    CHECK(sim.State(job) == pb::RUNNING);
    CHECK(sim.LiveTask(job, 0) == nullptr);
    CHECK(Has(sim.Waits(job), "worker-1 is being drained"));
  }
  SECTION("nobody gives up a slot there for another job") {
    REQUIRE(Undrain(sim, "worker-1").ok());
    const std::string range = sim.Submit({.workers = 5, .min_workers = 2});
    REQUIRE(sim.Get(range).plan().tasks_size() == 5);
    REQUIRE(Drain(sim, "worker-1").value() == 4);
    sim.Pass(seconds(5));
    // Two have to go on; one of them has nowhere to go.
    CHECK(sim.Get(range).plan().tasks_size() == 2);
    const std::string next = sim.Submit({.workers = 1});
    sim.Pass(seconds(5));
    CHECK(sim.Get(range).plan().tasks_size() == 2);
    CHECK(sim.State(next) == pb::PENDING);
  }
}

TEST_CASE("a drain is on record: it outlasts the scheduler and the worker, until undrain") {
  Running run;
  REQUIRE(Drain(run.sim, "worker-1").ok());
  run.sim.RestartScheduler();
  run.sim.Beat();
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINING");
  run.sim.Kill("worker-1");
  run.sim.Pass(seconds(3));
  CHECK(NodeOf(run.sim, "worker-1").state() == "LOST");
  CHECK(NodeOf(run.sim, "worker-1").draining());
  run.sim.RestartScheduler();
  REQUIRE(Drain(run.sim, "worker-1").ok());  // not joined again yet, but known
  run.sim.Start("worker-1");
  run.sim.Pass(seconds(5));
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINED");
  CHECK(Placement(run.plan()) == "worker-0[0,8) ");
  REQUIRE(Undrain(run.sim, "worker-1").ok());
  run.sim.RestartScheduler();
  run.sim.Pass(seconds(5));
  CHECK(NodeOf(run.sim, "worker-1").state() == "READY");
  CHECK(run.plan().tasks_size() == 2);
}

TEST_CASE("right after the scheduler's start a worker is known by its tasks") {
  Running run;
  run.sim.RestartScheduler(seconds(0));
  CHECK(Drain(run.sim, "worker-1").value() == 1);
  CHECK(absl::IsNotFound(Drain(run.sim, "worker-9").status()));
  run.sim.Beat();
  CHECK(NodeOf(run.sim, "worker-1").state() == "DRAINING");
}

TEST_CASE("a drain that cannot be journaled is not answered") {
  Running run;
  run.sim.store().failing = true;
  CHECK(absl::IsUnavailable(Drain(run.sim, "worker-1").status()));
}

TEST_CASE("only workers are drained; others are told what to do, and an unknown one who is there") {
  Running run;
  const auto refused = [&](const std::string& id) { return Drain(run.sim, id).status(); };
  CHECK(absl::IsFailedPrecondition(refused("server-0")));
  CHECK(Has(std::string(refused("server-0").message()), "Stop it in order (SIGTERM)"));
  CHECK(absl::IsFailedPrecondition(refused("scheduler")));
  CHECK(absl::IsFailedPrecondition(Undrain(run.sim, "server-0")));
  CHECK(absl::IsNotFound(refused("worker-9")));
  CHECK(std::string(refused("worker-9").message()) ==
        "no node 'worker-9'; there are scheduler, server-0, server-1, worker-0, worker-1");
  CHECK(absl::IsNotFound(Undrain(run.sim, "worker-9")));
  CHECK(Undrain(run.sim, "worker-0").ok());  // it is not being drained: fine
  for (const pb::Node& node : run.sim.Nodes()) CHECK(node.state() == "READY");
  CHECK(run.plan().number() == 1);
}

TEST_CASE("a task that is lost on a worker that is being drained starts elsewhere or not at all") {
  Running run;
  REQUIRE(Drain(run.sim, "worker-1").ok());
  run.sim.Exit(run.job, 1, 137);
  CHECK(Placement(run.plan()) == "worker-0[0,8) ");  // the other one takes over
  run.sim.Pass(seconds(5));
  CHECK(Placement(run.plan()) == "worker-0[0,8) ");
  CHECK(Has(run.sim.Waits(run.job), "worker-1 is being drained"));
  run.sim.AddWorker("worker-2");
  CHECK(run.plan().tasks_size() == 2);
}

TEST_CASE("what is lost and what is to move never share a slot") {
  Running run;
  run.sim.AddWorker("worker-2", 2);
  run.sim.Kill("worker-0");
  REQUIRE(Drain(run.sim, "worker-1").ok());
  run.sim.Pass(seconds(5));
  CHECK(Placement(run.plan()) == "worker-2[0,4) worker-2[4,8) ");
  CHECK(run.status().restarts() == 1);
}

}  // namespace
}  // namespace paracord
