// When a checkpoint exists, which are kept, and what servers may drop.
#include "scheduler/checkpoints.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

std::string Steps(Running& run) {
  std::string steps;
  const pb::JobStatus status = run.status();
  for (const pb::StoredStep& checkpoint : status.checkpoints()) {
    absl::StrAppend(&steps, steps.empty() ? "" : " ", checkpoint.step());
  }
  return steps;
}

std::string OnDisk(Running& run, const std::string& server) {
  std::string steps;
  for (const pb::StoredRange& stored : run.sim.host(server).disk) {
    absl::StrAppend(&steps, steps.empty() ? "" : " ", stored.step());
  }
  return steps;
}

TEST_CASE("a checkpoint exists once every shard has stored the step, and not before") {
  Running run;
  StoreOn(run.sim.host("server-0").disk, run.plan(), run.plan().shards(0), 4);
  run.sim.Beat();
  CHECK(Steps(run) == "0");
  StoreOn(run.sim.host("server-1").disk, run.plan(), run.plan().shards(1), 4);
  run.sim.Beat();
  CHECK(Steps(run) == "0 4");
  const pb::StoredStep checkpoint = run.status().checkpoints(1);
  CHECK(checkpoint.history() == 1);
  CHECK(checkpoint.bytes() == 200);
  REQUIRE(checkpoint.shards_size() == 2);
  CHECK(checkpoint.shards(1).server() == "server-1");
  CHECK(checkpoint.shards(1).block_end() == run.plan().shards(1).block_end());
  CHECK_FALSE(checkpoint.shards(1).hash().empty());
  run.sim.RestartScheduler();
  CHECK(Steps(run) == "0 4");
}

TEST_CASE("steps of another history, or of other blocks, make no checkpoint") {
  Running run;
  for (const char* name : {"server-0", "server-1"}) {
    auto& disk = run.sim.host(name).disk;
    pb::StoredRange wrong = disk.at(0);
    wrong.set_step(4);
    wrong.set_history(7);
    disk.push_back(wrong);
    wrong.set_history(1);
    wrong.set_block_end(wrong.block_end() + 1);
    disk.push_back(wrong);
  }
  run.sim.Beat();
  CHECK(Steps(run) == "0");
}

TEST_CASE("the newest are kept, and the multiples; servers drop the rest once that is journaled") {
  Running run({.workers = 2, .checkpoint = "{keep: 2, keep_every: 4 steps}"});
  for (uint64_t step = 1; step <= 7; ++step) run.sim.Checkpoint(run.job, step);
  CHECK(Steps(run) == "0 4 6 7");
  run.sim.Beat();
  CHECK(OnDisk(run, "server-0") == "0 4 6 7");
  CHECK(OnDisk(run, "server-1") == "0 4 6 7");
}

TEST_CASE("what is on its way to be a checkpoint is not dropped") {
  Running run({.workers = 2, .checkpoint = "{keep: 1}"});
  run.sim.Checkpoint(run.job, 4);
  StoreOn(run.sim.host("server-0").disk, run.plan(), run.plan().shards(0), 5);
  run.sim.Pass(seconds(5));
  CHECK(OnDisk(run, "server-0") == "4 5");
  run.sim.Checkpoint(run.job, 6);
  run.sim.Beat();
  CHECK(OnDisk(run, "server-0") == "6");
}

TEST_CASE("what another cluster has stored on the disk stays") {
  Running run;
  auto& disk = run.sim.host("server-0").disk;
  pb::StoredRange foreign = disk.at(0);
  foreign.set_cluster("another");
  disk.push_back(foreign);
  run.sim.Pass(seconds(2));
  CHECK(disk.size() == 2);
}

TEST_CASE("a checkpoint by hand is ordered for a step ahead, and again if a shard was past it") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 1).ok());
  run.sim.Beat();
  const auto step = run.sim.Change(run.job, pb::ChangeCheckpointRequest::SAVE);
  REQUIRE(step.ok());
  CHECK(*step > 1);
  CHECK(run.sim.Change(run.job, pb::ChangeCheckpointRequest::SAVE).value() == *step);
  const auto ordered = [&] {
    return run.sim.Watch(run.sim.host("server-0"))->assignments(0).save_at();
  };
  CHECK(ordered() == *step);
  pb::HeartbeatRequest beat;
  beat.set_name("server-1");
  beat.set_incarnation(run.sim.host("server-1").who.incarnation());
  pb::ShardReport* shard = beat.add_shards();
  shard->set_job(run.job);
  shard->set_index(1);
  shard->set_history(1);
  shard->set_version(*step + 1);
  shard->set_missed(*step);
  REQUIRE(Await<pb::HeartbeatReply>([&](auto done) {
            run.sim.coordinator().Heartbeat(beat, std::move(done));
          }).ok());
  const uint64_t again = ordered();
  CHECK(again > *step + 1);
  run.sim.Checkpoint(run.job, again);
  CHECK(Steps(run) == absl::StrCat("0 ", again));
  CHECK(ordered() == 0);
}

TEST_CASE("checkpoints by time are ordered when the time has come") {
  Running run({.workers = 2, .checkpoint = "{every: 30 seconds}"});
  const auto ordered = [&] {
    return run.sim.Watch(run.sim.host("server-0"))->assignments(0).save_at();
  };
  run.sim.Pass(seconds(25));
  CHECK(ordered() == 0);
  run.sim.Pass(seconds(10));
  const uint64_t step = ordered();
  CHECK(step > 0);
  run.sim.Checkpoint(run.job, step);
  CHECK(ordered() == 0);
  run.sim.Pass(seconds(25));
  CHECK(ordered() == 0);
}

TEST_CASE("a disk that takes no checkpoint is shown, and the job trains on") {
  Running run;
  run.sim.Checkpoint(run.job, 2);
  pb::HeartbeatRequest beat;
  beat.set_name("server-1");
  beat.set_incarnation(run.sim.host("server-1").who.incarnation());
  pb::ShardReport* shard = beat.add_shards();
  shard->set_job(run.job);
  shard->set_index(1);
  shard->set_plan(1);
  shard->set_history(1);
  shard->set_store_error("No space left on device");
  REQUIRE(Await<pb::HeartbeatReply>([&](auto done) {
            run.sim.coordinator().Heartbeat(beat, std::move(done));
          }).ok());
  CHECK(run.status().checkpoint_error() == "server-1: No space left on device");
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(Steps(run) == "0 2");
  run.sim.Beat();
  CHECK(run.status().checkpoint_error().empty());
}

TEST_CASE("a checkpoint is deleted, but not the one that a running job would go back to") {
  Running run;
  run.sim.Checkpoint(run.job, 2);
  run.sim.Checkpoint(run.job, 4);
  const auto remove = [&](uint64_t step) {
    return run.sim.Change(run.job, pb::ChangeCheckpointRequest::DELETE, step).status();
  };
  CHECK(absl::IsNotFound(remove(3)));
  CHECK(absl::IsFailedPrecondition(remove(4)));
  CHECK(remove(2).ok());
  run.sim.Beat();
  CHECK(Steps(run) == "0 4");
  CHECK(OnDisk(run, "server-0") == "0 4");
}

}  // namespace
}  // namespace paracord
