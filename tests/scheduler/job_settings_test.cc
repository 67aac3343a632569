// `paracord set`: what is changed of a job while it is pending or running.
#include "scheduler/job_settings.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

bool HasEvent(SimCluster& sim, const std::string& job, const std::string& text) {
  const pb::JobStatus status = sim.Get(job).status();
  std::string all;
  for (const pb::Event& event : status.events()) absl::StrAppend(&all, event.text(), "\n");
  return Has(all, text);
}

TEST_CASE("the consistency of a running job changes by a plan, and survives the scheduler") {
  Running run;
  CHECK(run.status().consistency() == "bsp");
  REQUIRE(run.sim.Set(run.job, {"consistency=async"}).ok());
  CHECK(run.plan().number() == 2);
  CHECK(run.plan().history() == 1);
  CHECK(run.plan().consistency().mode() == pb::Consistency::ASYNC);
  CHECK(run.plan().tasks(1).incarnation() == 1);
  CHECK(run.status().consistency() == "async");
  CHECK(HasEvent(run.sim, run.job, "consistency is now async (was bsp)"));
  run.sim.RestartScheduler();
  run.sim.Beat();
  CHECK(run.status().consistency() == "async");
  REQUIRE(run.sim.Set(run.job, {"consistency=async"}).ok());
  CHECK(run.plan().number() == 2);  // it is so already
  REQUIRE(run.sim.Set(run.job, {"consistency={ssp: 3}"}).ok());
  CHECK(run.plan().consistency().staleness() == 3);
  CHECK(run.status().consistency() == "ssp(3)");
  run.sim.Exit(run.job, 1, 137);
  CHECK(run.plan().number() == 4);
  CHECK(run.plan().consistency().mode() == pb::Consistency::SSP);
  REQUIRE(run.sim.Set(run.job, {"consistency.bsp.backup=1"}).ok());
  CHECK(run.status().consistency() == "bsp");
  CHECK(HasEvent(run.sim, run.job, "consistency is now bsp with 1 backup (was ssp(3))"));
}

TEST_CASE("what is set of a pending job holds for its first plan, also after a restart") {
  SimCluster sim;
  sim.AddServer("server-0");
  const std::string job = sim.Submit({.workers = 2});
  REQUIRE(sim.Set(job, {"consistency={ssp: 2}", "workers={min: 1, max: 4}"}).ok());
  CHECK(sim.State(job) == pb::PENDING);
  CHECK(sim.Get(job).status().consistency() == "ssp(2)");
  CHECK(HasEvent(sim, job, "consistency is now ssp(2) (was bsp), workers is now 1 to 4 (was 2)"));
  sim.RestartScheduler();
  sim.Beat();
  sim.AddWorker("worker-0");
  CHECK(sim.State(job) == pb::RUNNING);
  CHECK(sim.Get(job).plan().tasks_size() == 1);
  CHECK(sim.Get(job).plan().consistency().staleness() == 2);
}

TEST_CASE("fewer workers are fewer at once, more as slots are free") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0", 8);
  const std::string job = sim.Submit({.workers = 4});
  REQUIRE(sim.Set(job, {"workers=1"}).ok());
  CHECK(sim.Get(job).plan().tasks_size() == 1);
  CHECK(sim.Get(job).plan().number() == 2);
  REQUIRE(sim.Set(job, {"workers={min: 2, max: 8}"}).ok());
  sim.Pass(seconds(5));
  CHECK(sim.Get(job).plan().tasks_size() == 8);
  sim.RestartScheduler();
  REQUIRE(sim.Set(job, {"workers=2"}).ok());
  CHECK(sim.Get(job).plan().tasks_size() == 2);
}

TEST_CASE("what cannot be set is refused with what was found and what was expected") {
  Running run;
  struct Case {
    std::vector<std::string> settings;
    std::string message;
  };
  const Case cases[] = {
      {{}, "found no setting; expected consistency=VALUE, workers=VALUE or both"},
      {{"consistency=null"}, "found no setting"},
      {{"consistency"}, "consistency"},
      {{"consistency=bps"}, "consistency: found 'bps'; expected bsp"},
      {{"consistency={ssp: -1}"}, "consistency.ssp: found '-1'; expected a whole number from 0"},
      {{"consistency={bsp: {backup: 0}}"}, "consistency.bsp.backup: found '0'"},
      {{"workers=9"}, "workers: found '9'; expected at most train.virtual_workers, which is 8"},
      {{"workers={min: 3, max: 2}"}, "workers.min: found '3'; expected at most workers.max"},
      {{"consistency=async", "workers=none"}, "workers: found 'none'"},
      {{"balance=auto"}, "found 'balance'; expected consistency=VALUE or workers=VALUE"},
      {{"train.steps=5"}, "found 'train'; expected"},
      {{"consistency={ssp: 3"}, "consistency={ssp: 3: the value is broken YAML"},
  };
  for (const Case& c : cases) {
    const absl::Status refused = run.sim.Set(run.job, c.settings);
    CHECK(absl::IsInvalidArgument(refused));
    CHECK(Has(std::string(refused.message()), c.message));
  }
  CHECK(run.plan().number() == 1);  // nothing of it was taken
  CHECK(run.status().consistency() == "bsp");
  CHECK(absl::IsNotFound(run.sim.Set("nobody-1", {"consistency=async"})));
}

TEST_CASE("a job that has ended, or is about to, changes no more") {
  Running run;
  run.sim.ReportAllDone(run.job);
  REQUIRE(run.plan().phase() == pb::Plan::FINISHED);
  CHECK(absl::IsFailedPrecondition(run.sim.Set(run.job, {"consistency=async"})));
  run.sim.Beat();
  REQUIRE(run.sim.State(run.job) == pb::SUCCEEDED);
  const absl::Status refused = run.sim.Set(run.job, {"consistency=async"});
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(Has(std::string(refused.message()), "has ended already: SUCCEEDED"));
  CHECK(absl::IsInvalidArgument(run.sim.Set(run.job, {"consistency=bps"})));
}

TEST_CASE("a journal with a range of workers that cannot be is refused") {
  Running run;
  pb::JobRecord record;
  REQUIRE(record.ParseFromString(run.sim.store().jobs.at(run.job)));
  record.set_workers(4);
  record.set_min_workers(5);
  CHECK(absl::IsDataLoss(Job::Make(record).status()));
  record.set_min_workers(4);
  CHECK(Job::Make(record).ok());
  record.mutable_plan()->mutable_tasks(0)->set_rank(1);  // twice
  CHECK(absl::IsDataLoss(Job::Make(record).status()));
}

// Heartbeats of both servers with these counts.
void BeatStaleness(Running& run, const std::map<std::string, std::vector<uint64_t>>& counts) {
  const pb::Plan plan = run.plan();
  for (const pb::ShardRange& shard : plan.shards()) {
    pb::HeartbeatRequest beat;
    beat.set_name(shard.server());
    beat.set_incarnation(run.sim.host(shard.server()).who.incarnation());
    pb::ShardReport* report = beat.add_shards();
    report->set_job(run.job);
    report->set_index(shard.index());
    report->set_plan(plan.number());
    for (uint64_t count : counts.at(shard.server())) report->add_staleness_counts(count);
    (void)Await<pb::HeartbeatReply>(
        [&](auto done) { run.sim.coordinator().Heartbeat(beat, std::move(done)); });
  }
}

TEST_CASE("staleness is summed over the shards and never falls, whoever is started again") {
  Running run;
  BeatStaleness(run, {{"server-0", {5, 2}}, {"server-1", {4, 0, 1, 0}}});
  CHECK(run.status().max_staleness() == 2);
  const std::vector<uint64_t> expected = {9, 2, 1};
  const auto kept = run.status().staleness_counts();
  CHECK(std::vector<uint64_t>(kept.begin(), kept.end()) == expected);
  BeatStaleness(run, {{"server-0", {1}}, {"server-1", {1}}});
  CHECK(run.status().staleness_counts(0) == 9);
  run.sim.PassSilently(seconds(1));
  run.sim.RestartScheduler();
  run.sim.Beat();
  CHECK(run.status().max_staleness() == 2);
  run.sim.ReportAllDone(run.job);
  run.sim.Beat();
  REQUIRE(run.sim.State(run.job) == pb::SUCCEEDED);
  CHECK(run.status().max_staleness() == 2);
  CHECK(run.status().staleness_counts_size() == 3);
}

}  // namespace
}  // namespace paracord
