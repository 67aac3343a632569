// Servers that do not come back.
#include "scheduler/server_grace.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// A job at step 6 with a checkpoint at 5; server-1 has died.
struct Deserted : Running {
  explicit Deserted(const std::string& checkpoint, bool stored = true, bool copied = true)
      : Running({.workers = 2, .checkpoint = checkpoint}) {
    for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(sim.ReportStep(job, rank, 5).ok());
    if (stored) sim.Checkpoint(job, 5);
    if (copied) {
      for (auto& [name, host] : sim.hosts()) host.shards.copied = {5};
      sim.Beat();
    }
    for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(sim.ReportStep(job, rank, 6).ok());
    sim.Beat();
    sim.Kill("server-1");
  }
};

TEST_CASE("the blocks of a server that does not come back go to another, which reads the copy") {
  Deserted run("{copy_to: /copies}");
  run.sim.Pass(seconds(25));
  CHECK(run.plan().history() == 1);
  CHECK(Has(run.sim.Waits(run.job), "server-1: is gone; waiting for it to return"));
  run.sim.Pass(seconds(10));
  const pb::Plan plan = run.plan();
  CHECK(plan.history() == 2);
  CHECK(plan.step() == 5);
  CHECK(Has(plan.origin().directory(), "/copies/"));
  REQUIRE(plan.shards_size() == 2);
  for (const pb::ShardRange& shard : plan.shards()) {
    CHECK(shard.server() == "server-0");
    CHECK(shard.incarnation() == run.sim.host("server-0").who.incarnation());
    CHECK(shard.address() == run.sim.host("server-0").who.address());
  }
  CHECK(run.sim.Waits(run.job) == "");
  run.sim.Start("server-1");  // too late, and no harm
  run.sim.Pass(seconds(3));
  CHECK(run.plan().history() == 2);
  for (auto& [name, host] : run.sim.hosts()) host.shards.copied = {5, run.status().steps()};
  run.sim.ReportAllDone(run.job);
  run.sim.Beat();
  run.sim.Beat();
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
}

// A job of two servers that copies, whose tasks are done.
struct Copying : Running {
  Copying() : Running({.workers = 2, .checkpoint = "{copy_to: /copies}"}) {
    for (auto& [name, host] : sim.hosts()) host.shards.writing = true;
    sim.ReportAllDone(job);
    sim.Pass(seconds(3));
  }
  void EndOfWriting(const std::vector<uint64_t>& copied) {
    for (auto& [name, host] : sim.hosts()) {
      host.shards.writing = false;
      host.shards.copied = copied;
    }
    sim.Pass(seconds(1));
  }
};

TEST_CASE("a job has succeeded when its last step is copied, too") {
  Copying run;
  REQUIRE(run.sim.State(run.job) == pb::RUNNING);
  CHECK(Has(run.sim.Waits(run.job), "server-0: writes its part of the copy of step"));
  run.EndOfWriting({run.status().steps()});
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
  CHECK(run.status().checkpoint_error() == "");
  CHECK(run.status().checkpoints(run.status().checkpoints_size() - 1).copied());
}

TEST_CASE("a last step without its copy is told, and the job has succeeded all the same") {
  Copying run;
  SECTION("a server dies while it writes") {
    run.sim.Kill("server-1");
    run.sim.Pass(seconds(10));
    CHECK(Has(run.status().checkpoint_error(), "server-1 ended before it had written its part"));
  }
  SECTION("a folder that hangs") {
    run.sim.Pass(seconds(590));
    REQUIRE(run.sim.State(run.job) == pb::RUNNING);
    run.sim.Pass(seconds(20));
    CHECK(Has(run.status().checkpoint_error(), "server-0 is still writing its part"));
  }
  SECTION("a part is missing") {
    run.EndOfWriting({});
    CHECK(Has(run.status().checkpoint_error(), "a part of it is missing"));
  }
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
}

TEST_CASE("first values need no copy") {
  Deserted run("{every: end}", false);
  run.sim.Pass(seconds(40));
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 0);
  CHECK(run.plan().shards(1).server() == "server-0");
}

TEST_CASE("without a copy the job says what it lacks, and goes on when the server is back") {
  Deserted run("{every: end}");
  run.sim.Pass(seconds(60));
  CHECK(run.plan().history() == 1);
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(Has(run.sim.Waits(run.job), "of step 5, which are nowhere else: the job has no"));
  run.sim.Start("server-1");
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 5);
  CHECK(run.plan().shards(1).server() == "server-1");
}

TEST_CASE("a copy that is not complete is none") {
  Deserted run("{copy_to: /copies}", true, false);
  run.sim.Pass(seconds(60));
  CHECK(run.plan().history() == 1);
  CHECK(Has(run.sim.Waits(run.job), "no checkpoint was copied whole"));
  run.sim.Start("server-1");
  CHECK(run.plan().history() == 2);
  CHECK(run.plan().step() == 5);
}

TEST_CASE("a newer checkpoint that was not copied whole is given up") {
  Deserted run("{copy_to: /copies}");
  run.sim.Start("server-1");
  run.sim.Pass(seconds(1));
  REQUIRE(run.plan().history() == 2);
  for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(run.sim.ReportStep(run.job, rank, 7).ok());
  run.sim.Checkpoint(run.job, 7);
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(40));
  CHECK(run.plan().history() == 3);
  CHECK(run.plan().step() == 5);
  CHECK(run.status().checkpoints(run.status().checkpoints_size() - 1).step() == 5);
}

TEST_CASE("a server that stopped in order is not given up") {
  Running run({.workers = 2, .checkpoint = "{copy_to: /copies}"});
  for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(run.sim.ReportStep(run.job, rank, 6).ok());
  run.sim.Beat();
  run.sim.Leave("server-1");
  run.sim.Pass(seconds(60));
  CHECK(run.plan().history() == 1);
  run.sim.Start("server-1");
  run.sim.Pass(seconds(1));
  CHECK(run.plan().history() == 1);
}

TEST_CASE("the first values of a later history need no copy either") {
  Deserted run("{every: end}", false);
  run.sim.Start("server-1");
  run.sim.Pass(seconds(1));
  REQUIRE(run.plan().history() == 2);
  run.sim.Checkpoint(run.job, 0);
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(40));
  CHECK(run.plan().history() == 3);
  CHECK(run.plan().shards(1).server() == "server-0");
}

TEST_CASE("a person goes back to an older step that was copied, though its server is gone") {
  Deserted run("{copy_to: /copies}");
  run.sim.Pass(seconds(40));
  REQUIRE(run.plan().history() == 2);
  for (uint32_t rank = 0; rank < 2; ++rank) REQUIRE(run.sim.ReportStep(run.job, rank, 8).ok());
  run.sim.Checkpoint(run.job, 8);
  REQUIRE(run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 5).ok());
  CHECK(run.plan().step() == 5);
  CHECK(Has(run.plan().origin().directory(), "/copies/"));
}

TEST_CASE("the server with the most memory free takes the blocks; one without room takes none") {
  Deserted run("{copy_to: /copies}");
  SECTION("another server is there") {
    run.sim.AddServer("server-2");
    run.sim.Pass(seconds(40));
    CHECK(run.plan().shards(0).server() == "server-0");
    CHECK(run.plan().shards(1).server() == "server-2");
  }
  SECTION("no server has room") {
    SimHost& host = run.sim.host("server-0");
    host.who.set_memory_bytes(1);
    host.joined = false;
    run.sim.Pass(seconds(40));
    CHECK(run.plan().history() == 1);
    CHECK(Has(run.sim.Waits(run.job), "no other server has the"));
  }
}

TEST_CASE("a server is waited for anew after the scheduler was started again") {
  Deserted run("{copy_to: /copies}");
  run.sim.Pass(seconds(20));
  run.sim.RestartScheduler();
  run.sim.Pass(seconds(20));
  CHECK(run.plan().history() == 1);
  run.sim.Pass(seconds(20));
  CHECK(run.plan().history() == 2);
}

}  // namespace
}  // namespace paracord
