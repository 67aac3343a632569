// Jobs that begin with another job's checkpoint.
#include "scheduler/origin.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// A job that has ended at step 10, with another checkpoint at 5.
struct Ended : Running {
  Ended() {
    for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(sim.ReportStep(job, rank, 5).ok());
    sim.Checkpoint(job, 5);
    sim.ReportAllDone(job);
    sim.Beat();
    sim.Beat();
    REQUIRE(sim.State(job) == pb::SUCCEEDED);
  }
  SimJob Next(const std::string& init) { return {.workers = 2, .init = init}; }
};

TEST_CASE("a job begins with a step of another one, named or the newest") {
  Ended run;
  const bool named = GENERATE(true, false);
  const std::string next =
      run.sim.Submit(run.Next(named ? "{job: sim-1, step: 5}" : "{job: sim-1}"));
  run.sim.Beat();
  const pb::Plan plan = run.sim.Get(next).plan();
  CHECK(plan.history() == 1);
  CHECK(plan.origin().job() == run.job);
  CHECK(plan.origin().step() == (named ? 5 : kSimSteps));
  REQUIRE(plan.origin().pieces_size() == 2);
  CHECK(plan.origin().pieces(1).address() == run.sim.host("server-1").who.address());
}

TEST_CASE("what a job began with stays on the disks until it has ended") {
  Ended run;
  const std::string next = run.sim.Submit(run.Next("{job: sim-1, step: 5}"));
  run.sim.Beat();
  REQUIRE(run.sim.Change(run.job, pb::ChangeCheckpointRequest::DELETE, 5).ok());
  const auto has = [&] {
    const SimDisk& disk = run.sim.host("server-0").disk;
    return std::any_of(disk.begin(), disk.end(), [&](const pb::StoredRange& stored) {
      return stored.job() == run.job && stored.step() == 5;
    });
  };
  run.sim.Pass(seconds(2));
  CHECK(has());
  REQUIRE(run.sim.Cancel(next).ok());
  run.sim.Pass(seconds(2));
  CHECK_FALSE(has());
}

TEST_CASE("a server that has a part and is not there is waited for") {
  Ended run;
  run.sim.AddServer("server-2");
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(4));
  const std::string next = run.sim.Submit(run.Next("{job: sim-1, step: 5}"));
  run.sim.Beat();
  CHECK(run.sim.State(next) == pb::PENDING);
  CHECK(Has(run.sim.Waits(next), "server-1: is not there, and has blocks ["));
  run.sim.Start("server-1");
  run.sim.Beat();
  CHECK(run.sim.State(next) == pb::RUNNING);
}

TEST_CASE("a job that cannot begin as it says is refused, with what there is") {
  Ended run;
  const auto why = [&](SimJob job) {
    return std::string(run.sim.TrySubmit(job).status().message());
  };
  CHECK(Has(why(run.Next("{job: sim-9}")), "sim-1"));
  CHECK(Has(why(run.Next("{job: sim-1, step: 7}")),
            "sim-1 has no good checkpoint of step 7; it has"));
  SimJob other = run.Next("{job: sim-1}");
  other.units = 5;
  CHECK(Has(why(other), "init: model is not that of sim-1"));
}

TEST_CASE("a job that lost all it had trained begins with the same step again") {
  Ended run;
  const std::string next = run.sim.Submit(run.Next("{job: sim-1, step: 5}"));
  run.sim.Beat();
  REQUIRE(run.sim.State(next) == pb::RUNNING);
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(3));
  run.sim.Start("server-1");
  const pb::Plan plan = run.sim.Get(next).plan();
  CHECK(plan.history() == 2);
  CHECK(plan.origin().job() == run.job);
  CHECK(plan.origin().step() == 5);
  CHECK(plan.origin().pieces(1).address() == run.sim.host("server-1").who.address());
}

}  // namespace
}  // namespace paracord
