// What follows when servers die, come back, or come back with less than they should have.
#include "scheduler/recovery.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// A job at step 6, with checkpoints at 2 and 5.
struct Trained : Running {
  explicit Trained(SimJob spec = {.workers = 2}) : Running(std::move(spec)) {
    Advance(2);
    sim.Checkpoint(job, 2);
    Advance(5);
    sim.Checkpoint(job, 5);
    Advance(6);
    sim.Beat();
    REQUIRE(status().checkpoints_size() >= 2);
  }
  void Advance(uint64_t step) {
    for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(sim.ReportStep(job, rank, step).ok());
  }
  void EraseFromDisk(const std::string& server, uint64_t step) {
    std::erase_if(sim.host(server).disk, [&](const auto& stored) { return stored.step() == step; });
  }
  bool Succeeds() {
    sim.Pass(seconds(3));
    sim.ReportAllDone(job);
    sim.Beat();
    sim.Beat();
    return sim.State(job) == pb::SUCCEEDED;
  }
};

TEST_CASE("a server that died takes the job back to its newest checkpoint when it is there again") {
  Trained run;
  const pb::Plan before = run.plan();
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(4));
  CHECK(run.plan().history() == 1);
  CHECK(Has(run.sim.Waits(run.job),
            "server-1: is gone; waiting for it to return, to go back to step 5"));
  run.sim.Start("server-1");
  const pb::Plan after = run.plan();
  CHECK(after.number() == before.number() + 1);
  CHECK(after.history() == 2);
  CHECK(after.step() == 5);
  CHECK(after.origin().history() == 1);
  CHECK(after.origin().step() == 5);
  REQUIRE(after.origin().pieces_size() == 2);
  CHECK(after.origin().pieces(1).server() == "server-1");
  CHECK(after.origin().pieces(1).address() == run.sim.host("server-1").who.address());
  CHECK(after.shards(1).incarnation() == run.sim.host("server-1").who.incarnation());
  CHECK(after.shards(0).incarnation() == before.shards(0).incarnation());
  CHECK(after.tasks(0).incarnation() == before.tasks(0).incarnation());  // the processes stay
  CHECK(run.status().step() == 5);
  CHECK(run.status().restarts() == 0);
  CHECK(run.Succeeds());
}

TEST_CASE("without a checkpoint the job goes back to the first values, and an empty disk will do") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  run.sim.host("server-1").disk.clear();
  run.sim.Start("server-1");
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().history() == 2);
  CHECK_FALSE(run.plan().has_origin());
  CHECK(run.plan().step() == 0);
  CHECK(run.status().step() == 0);
}

TEST_CASE("a job that began with a file of weights goes back to what was stored of it") {
  Running run({.workers = 2, .init = "{safetensors: /weights.safetensors}"});
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  const bool by_hand = GENERATE(true, false);
  if (by_hand) {
    REQUIRE(run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 0).ok());
  } else {
    run.sim.Start("server-1");
  }
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 0);
  CHECK(run.plan().origin().pieces_size() == 2);
}

TEST_CASE(
    "a server with an empty or foreign disk is not served from; the right one is waited for") {
  Trained run;
  auto own = std::exchange(run.sim.host("server-1").disk, {});
  if (GENERATE(true, false)) {
    pb::StoredRange foreign = own.at(0);
    foreign.set_cluster("another");
    run.sim.host("server-1").disk = {foreign};
  }
  run.sim.Start("server-1");
  run.sim.Pass(seconds(60));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().history() == 1);
  CHECK(Has(run.sim.Waits(run.job), "server-1: came back with nothing of this job on its disk"));
  run.sim.host("server-1").disk = own;
  run.sim.Start("server-1");
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 5);
}

TEST_CASE("a checkpoint that a server has no more is damaged, and the one before counts") {
  Trained run;
  run.EraseFromDisk("server-1", 5);
  run.sim.Start("server-1");
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 2);
  bool said = false;
  const pb::JobStatus status = run.status();
  for (const pb::StoredStep& checkpoint : status.checkpoints()) {
    if (checkpoint.step() == 5) said = Has(checkpoint.damage(), "server-1 has blocks");
  }
  CHECK(said);
}

TEST_CASE("a part that cannot be read when it is needed takes the job to the checkpoint before") {
  Trained run;
  run.sim.Start("server-1");
  REQUIRE(run.plan().history() == 2);
  pb::HeartbeatRequest beat;
  beat.set_name("server-1");
  beat.set_incarnation(run.sim.host("server-1").who.incarnation());
  for (const pb::StoredRange& stored : run.sim.host("server-1").disk) *beat.add_stored() = stored;
  pb::ShardReport* shard = beat.add_shards();
  shard->set_job(run.job);
  shard->set_index(1);
  shard->set_history(2);
  shard->set_error_code("DataLoss");
  shard->set_error("000008.sst: its bytes have changed");
  shard->set_unreadable_history(1);
  shard->set_unreadable_step(5);
  const auto send = [&] {
    return Await<pb::HeartbeatReply>(
        [&](auto done) { run.sim.coordinator().Heartbeat(beat, std::move(done)); });
  };
  REQUIRE(send().ok());
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().history() == 3);
  CHECK(run.plan().step() == 2);
  REQUIRE(send().ok());  // what it said of the history before changes nothing more
  CHECK(run.plan().history() == 3);
  CHECK(run.plan().step() == 2);
  CHECK(run.Succeeds());
}

TEST_CASE("a server that was only silent goes on with what it has") {
  Trained run;
  SimHost& server = run.sim.host("server-1");
  server.alive = false;
  run.sim.Pass(seconds(20));
  CHECK(Has(run.sim.Waits(run.job), "server-1: is gone"));
  server.alive = true;
  server.joined = false;
  run.sim.Beat();
  CHECK(run.plan().history() == 1);
  CHECK(run.sim.Waits(run.job) == "");
}

TEST_CASE("a server that stopped in order and lost what it stored counts as one that died") {
  Trained run;
  run.sim.Leave("server-1");
  run.EraseFromDisk("server-1", 6);
  run.sim.Start("server-1");
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 5);
}

TEST_CASE("an orderly stop that the scheduler never heard of is proved by what was stored") {
  Trained run;
  const pb::Plan plan = run.plan();
  SimHost& server = run.sim.host("server-1");
  StoreOn(server.disk, plan, plan.shards(1), 6, server.who.incarnation());
  run.sim.RestartScheduler(seconds(10));
  run.sim.Start("server-1");
  run.sim.Pass(seconds(1));
  CHECK(run.plan().history() == 1);
  CHECK(run.plan().shards(1).incarnation() == server.who.incarnation());
}

TEST_CASE("a finished job whose server dies before it stored trains its last steps again") {
  Trained run;
  run.sim.ReportAllDone(run.job);
  REQUIRE(run.plan().phase() == pb::Plan::FINISHED);
  SimHost& server = run.sim.host("server-1");
  const bool stored = GENERATE(true, false);
  if (stored) StoreOn(server.disk, run.plan(), run.plan().shards(1), kSimSteps);
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(4));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  run.sim.Start("server-1");
  if (stored) {
    CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
    return;
  }
  run.sim.Pass(seconds(2));
  CHECK(run.plan().phase() == pb::Plan::TRAINING);
  CHECK(run.plan().step() == 5);
  CHECK(run.plan().tasks_size() == 2);
  CHECK(run.Succeeds());
}

TEST_CASE("tasks that were done when a server died are started again") {
  Trained run;
  pb::TaskReport report = run.sim.MakeReport(run.job, 1);
  report.set_step(kSimSteps);
  report.set_done(true);
  REQUIRE(run.sim.Report(report).ok());
  run.sim.Exit(run.job, 1, 0);
  run.sim.Start("server-0");
  CHECK(run.plan().history() == 2);
  CHECK(run.status().tasks(1).state() == "STARTING");
  CHECK(run.status().restarts() == 0);
  CHECK(run.Succeeds());
}

TEST_CASE("what a task reports of steps that its job has gone back from is left aside") {
  Trained run;
  pb::TaskReport late = run.sim.MakeReport(run.job, 0);
  late.set_history(1);
  late.set_step(kSimSteps);
  late.set_done(true);
  run.sim.Start("server-1");
  REQUIRE(run.plan().history() == 2);
  CHECK(run.sim.Report(late).ok());
  CHECK(run.status().step() == 5);
  CHECK(run.status().tasks(0).state() != "DONE");
}

TEST_CASE("everything may die at once, the scheduler too") {
  Trained run;
  for (const char* name : {"server-0", "server-1", "worker-0", "worker-1"}) run.sim.Kill(name);
  run.sim.RestartScheduler(seconds(5));
  run.sim.Pass(seconds(5));
  for (const char* name : {"worker-1", "server-1", "worker-0", "server-0"}) run.sim.Start(name);
  run.sim.Pass(seconds(3));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().step() == 5);
  CHECK(run.Succeeds());
}

TEST_CASE("a person sends a job back to a step it has, also one that has ended") {
  Trained run;
  CHECK(
      absl::IsNotFound(run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 3).status()));
  const bool ended = GENERATE(true, false);
  if (ended) REQUIRE(run.sim.Cancel(run.job).ok());
  if (ended) run.sim.Beat();
  run.sim.Kill("server-0");
  run.sim.Pass(seconds(3));
  CHECK(absl::IsFailedPrecondition(
      run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 2).status()));
  run.sim.Start("server-0");
  run.sim.Pass(seconds(3));
  REQUIRE(run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 2).ok());
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().step() == 2);
  CHECK(run.plan().tasks_size() == 2);
  CHECK(run.status().step() == 2);
  const pb::JobStatus status = run.status();
  for (const pb::StoredStep& checkpoint : status.checkpoints()) CHECK(checkpoint.step() <= 2);
  CHECK(run.Succeeds());
}

}  // namespace
}  // namespace paracord
