// Memory that ended jobs still hold: who waits for it, and until when.
#include "scheduler/held_memory.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// One server with room for one job at a time, and the first job running there.
struct Full {
  SimCluster sim;
  std::string holder;

  Full() {
    sim.AddServer("server-0", 2500);
    sim.AddWorker("worker-0", 4);
    holder = sim.Submit({.units = 30});
    sim.Beat();
    REQUIRE(sim.State(holder) == pb::RUNNING);
  }
  std::string Next() { return sim.Submit({.units = 30}); }
};

// The job has never been refused by a server: it waited as long as it had to.
void CheckRuns(SimCluster& sim, const std::string& job) {
  INFO(sim.Waits(job));
  sim.Pass(seconds(2));
  CHECK(sim.State(job) == pb::RUNNING);
  CHECK(sim.Get(job).status().first_failure().message() == "");
}

TEST_CASE("a job waits for a cancelled one's memory until a heartbeat shows that it is free") {
  Full full;
  const std::string next = full.Next();
  REQUIRE(full.sim.Cancel(full.holder).ok());
  CHECK(full.sim.State(next) == pb::PENDING);
  CHECK(Has(full.sim.Waits(next), "(server-0 has not freed " + full.holder + " yet)"));
  full.sim.Beat();  // the server has heard of it, and its strand is busy
  CHECK(full.sim.State(next) == pb::PENDING);
  full.sim.Beat();
  CHECK(full.sim.State(next) == pb::RUNNING);
  CheckRuns(full.sim, next);
}

TEST_CASE("and so it waits for one that failed, and for one that succeeded") {
  Full full;
  const std::string next = full.Next();
  if (GENERATE(true, false)) {
    full.sim.Exit(full.holder, 0, 3);
    CHECK(full.sim.State(full.holder) == pb::FAILED);
  } else {
    full.sim.ReportAllDone(full.holder);
    full.sim.Beat();
    CHECK(full.sim.State(full.holder) == pb::SUCCEEDED);
  }
  CHECK(full.sim.State(next) == pb::PENDING);
  CheckRuns(full.sim, next);
}

TEST_CASE("a plan that was on its way to the server when its job ended is waited for a second") {
  SimCluster sim;
  sim.AddServer("server-0", 2500);
  sim.AddWorker("worker-0", 4);
  sim.host("server-0").alive = false;  // hears of nothing: its answer is under way
  const std::string unheard = sim.Submit({.units = 30});
  const std::string next = sim.Submit({.units = 30});
  REQUIRE(sim.State(unheard) == pb::RUNNING);
  REQUIRE(sim.Cancel(unheard).ok());
  sim.host("server-0").alive = true;
  sim.Beat();
  CHECK(sim.State(next) == pb::PENDING);
  sim.Pass(milliseconds(500));
  CHECK(sim.State(next) == pb::PENDING);
  CheckRuns(sim, next);
}

TEST_CASE("memory on a server that died or was started again keeps nobody waiting") {
  Full full;
  full.sim.AddServer("server-1", 2500);  // the holder has no shard there
  const std::string next = full.Next();
  REQUIRE(full.sim.Cancel(full.holder).ok());
  SECTION("dead: the other server has the room") {
    full.sim.Kill("server-0");
    full.sim.Pass(seconds(3));
    CHECK(full.sim.Get(next).plan().shards_size() == 1);
  }
  SECTION("started again at once") { full.sim.Start("server-0"); }
  CheckRuns(full.sim, next);
}

TEST_CASE("a server that was silent past its lease still holds what it held when it speaks again") {
  Full full;
  const std::string next = full.Next();
  full.sim.host("server-0").alive = false;  // cut off, not dead
  for (int i = 0; i < 40; ++i) full.sim.PassSilently(milliseconds(100));
  REQUIRE(full.sim.Cancel(full.holder).ok());
  CHECK(Has(full.sim.Waits(next), "1 servers needed, 0 ready"));
  full.sim.host("server-0").alive = true;
  full.sim.host("server-0").joined = false;
  REQUIRE(full.sim.Join(full.sim.host("server-0")).ok());
  CHECK(full.sim.State(next) == pb::PENDING);
  CHECK(Has(full.sim.Waits(next), "has not freed " + full.holder));
  CheckRuns(full.sim, next);
}

TEST_CASE("a restarted scheduler counts what ended jobs hold before it has heard of it") {
  Full full;
  const std::string next = full.Next();
  REQUIRE(full.sim.Cancel(full.holder).ok());
  full.sim.RestartScheduler();
  REQUIRE(full.sim.Join(full.sim.host("server-0")).ok());
  REQUIRE(full.sim.Join(full.sim.host("worker-0")).ok());
  CHECK(full.sim.State(next) == pb::PENDING);
  CheckRuns(full.sim, next);
}

TEST_CASE("what a server no longer lists but still has in use is not free") {
  Full full;
  const std::string next = full.Next();
  REQUIRE(full.sim.Cancel(full.holder).ok());
  pb::HeartbeatRequest beat;
  beat.set_name("server-0");
  beat.set_incarnation(full.sim.host("server-0").who.incarnation());
  const auto send = [&](uint64_t used) {
    beat.set_memory_used(used);
    REQUIRE(Await<pb::HeartbeatReply>([&](auto done) {
              full.sim.coordinator().Heartbeat(beat, std::move(done));
            }).ok());
  };
  send(1800);
  CHECK(full.sim.State(next) == pb::PENDING);
  send(0);
  CHECK(full.sim.State(next) == pb::RUNNING);
}

}  // namespace
}  // namespace paracord
