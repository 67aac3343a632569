#include "scheduler/cluster.h"
#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

TEST_CASE("a server that stopped in order is waited for and returns with what it had stored") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  run.sim.Beat();
  run.sim.Leave("server-1");
  run.sim.Pass(seconds(20));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(Has(run.sim.Waits(run.job),
            "server-1: stopped in order at step 4; waiting for it to return"));
  const pb::Plan before = run.plan();
  SECTION("also if the scheduler was away meanwhile") {
    run.sim.RestartScheduler();
    run.sim.Pass(seconds(10));
    CHECK(run.sim.State(run.job) == pb::RUNNING);
  }
  SECTION("the scheduler stayed") {}
  run.sim.Start("server-1");
  const pb::Plan after = run.plan();
  CHECK(after.number() == before.number() + 1);
  CHECK(after.history() == before.history());
  CHECK(after.shards(1).incarnation() == run.sim.host("server-1").who.incarnation());
  CHECK(after.shards(1).address() == run.sim.host("server-1").who.address());
  CHECK(after.shards(0).incarnation() == before.shards(0).incarnation());
}

TEST_CASE("a shard's error fails the job with the server's words") {
  Running run;
  SimHost& server = run.sim.host("server-0");
  pb::HeartbeatRequest beat;
  beat.set_name("server-0");
  beat.set_incarnation(server.who.incarnation());
  pb::ShardReport* shard = beat.add_shards();
  shard->set_job(run.job);
  shard->set_index(0);
  shard->set_error_code(CodeName(absl::StatusCode::kResourceExhausted));
  shard->set_error("3 GiB of 2 GiB");
  (void)Await<pb::HeartbeatReply>(
      [&](auto done) { run.sim.coordinator().Heartbeat(beat, std::move(done)); });
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(run.status().first_failure().code() == "ResourceExhausted");
  CHECK(run.status().first_failure().message() == "3 GiB of 2 GiB");
}

TEST_CASE("a file that differs between hosts fails the job, and so does another compute class") {
  Running run;
  pb::TaskReport first = run.sim.MakeReport(run.job, 0);
  pb::FileIdentity* file = first.add_files();
  file->set_path("/data/train");
  file->set_sha256("aaaa");
  REQUIRE(run.sim.Report(first).ok());
  pb::TaskReport second = run.sim.MakeReport(run.job, 1);
  const bool files = GENERATE(true, false);
  if (files) {
    *second.add_files() = *file;
    second.mutable_files(0)->set_sha256("bbbb");
  } else {
    *second.mutable_compute() = run.plan().compute();
    second.mutable_compute()->set_isa("AVX");
  }
  CHECK(absl::IsFailedPrecondition(run.sim.Report(second)));
  CHECK(run.sim.State(run.job) == pb::FAILED);
  const std::string message = run.status().first_failure().message();
  if (files) {
    CHECK(Has(message, "/data/train"));
    CHECK(Has(message, "worker-0"));
    CHECK(Has(message, "worker-1"));
  } else {
    CHECK(Has(message, "cpu AVX oneDNN 2.6.0"));
  }
}

TEST_CASE("a cancelled job frees its slots once its processes are gone, and stays cancelled") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0");
  const std::string a = sim.Submit({});
  const std::string b = sim.Submit({});
  REQUIRE(sim.Cancel(a).ok());
  CHECK(sim.State(a) == pb::CANCELLED);
  CHECK(sim.Get(a).plan().phase() == pb::Plan::CLOSED);
  CHECK(sim.State(b) == pb::PENDING);  // its process has not been seen to go
  SECTION("seen in a heartbeat") { sim.Beat(); }
  SECTION("or after a second") { sim.PassSilently(milliseconds(1100)); }
  CHECK(sim.State(b) == pb::RUNNING);
  CHECK(sim.Cancel(a).ok());  // again: the answer to the first may have been lost
  CHECK(sim.State(a) == pb::CANCELLED);
  const std::string c = sim.Submit({});
  REQUIRE(sim.Cancel(c).ok());
  CHECK(sim.Get(c).plan().number() == 0);
}

TEST_CASE("a job that has succeeded cannot be cancelled any more") {
  Running run;
  run.sim.ReportAllDone(run.job);
  run.sim.Beat();
  REQUIRE(run.sim.State(run.job) == pb::SUCCEEDED);
  const absl::Status refused = run.sim.Cancel(run.job);
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(Has(std::string(refused.message()), "has ended already: SUCCEEDED"));
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
}

TEST_CASE("a server is told of a closed job for a minute, so that it frees its memory") {
  Running run;
  REQUIRE(run.sim.Cancel(run.job).ok());
  auto told = run.sim.Watch(run.sim.host("server-0"));
  REQUIRE(told->assignments_size() == 1);
  CHECK(told->assignments(0).plan().phase() == pb::Plan::CLOSED);
  CHECK(run.sim.Watch(run.sim.host("worker-0"))->assignments_size() == 0);
  run.sim.Pass(seconds(61));
  CHECK(run.sim.Watch(run.sim.host("server-0"))->assignments_size() == 0);
}

TEST_CASE("a watch waits until its own set changes, or ten seconds") {
  Running run;
  pb::WatchRequest request;
  request.set_name("worker-0");
  request.set_incarnation(run.sim.host("worker-0").who.incarnation());
  request.set_revision(run.sim.Watch(run.sim.host("worker-0"))->revision());
  int answers = 0;
  absl::StatusOr<pb::WatchReply> last;
  const auto watch = [&] {
    run.sim.coordinator().Watch(request, [&](absl::StatusOr<pb::WatchReply> reply) {
      ++answers;
      last = std::move(reply);
    });
  };
  watch();
  const std::string other = run.sim.Submit({});  // does not concern worker-0
  CHECK(answers == 0);
  run.sim.Exit(run.job, 1, 137);
  REQUIRE(answers == 1);
  CHECK(last->revision() != request.revision());
  CHECK(last->assignments(0).plan().number() == 2);
  request.set_revision(last->revision());
  watch();
  run.sim.Pass(milliseconds(9500));
  CHECK(answers == 1);
  run.sim.Pass(seconds(1));
  REQUIRE(answers == 2);
  CHECK(last->revision() == request.revision());
  watch();
  run.sim.Start("worker-0");
  CHECK(answers == 3);
  CHECK(absl::IsNotFound(last.status()));
  request.set_job("nonsense");
  watch();
  CHECK(answers == 4);
  CHECK(absl::IsNotFound(last.status()));
  CHECK(Has(std::string(last.status().message()), run.job));
}

TEST_CASE("a restarted scheduler adopts running tasks and goes on with the same plan") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 3).ok());
  run.sim.Pass(seconds(2));
  const pb::TaskReport report = run.sim.MakeReport(run.job, 1);
  const std::string plan = run.plan().SerializeAsString();
  run.sim.RestartScheduler(seconds(30));
  CHECK(run.plan().SerializeAsString() == plan);
  CHECK(run.status().step() == 3);
  CHECK(run.sim.Report(report).ok());  // before its worker has joined again
  run.sim.Pass(seconds(10));
  CHECK(run.plan().SerializeAsString() == plan);
  CHECK(run.status().restarts() == 0);
  run.sim.ReportAllDone(run.job);
  run.sim.Beat();
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
  run.sim.RestartScheduler();
  CHECK(run.sim.State(run.job) == pb::SUCCEEDED);
  CHECK(run.sim.Submit({}) == "sim-2");
}

TEST_CASE("a job survives an orderly stop and start of the whole cluster") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 5).ok());
  run.sim.Beat();
  for (const char* name : {"worker-0", "worker-1", "server-0", "server-1"}) run.sim.Leave(name);
  run.sim.RestartScheduler(seconds(3600));
  run.sim.Pass(seconds(10));
  for (const char* name : {"worker-1", "server-1", "worker-0", "server-0"}) run.sim.Start(name);
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.status().restarts() == 0);
  CHECK(run.plan().history() == 1);
  CHECK(run.sim.ReportStep(run.job, 0, 6).ok());
  CHECK(run.sim.ReportStep(run.job, 1, 6).ok());
  CHECK(run.sim.Waits(run.job) == "");
}

TEST_CASE("what cannot be journaled is never shown") {
  Running run;
  run.sim.store().failing = true;
  const auto refused = run.sim.TrySubmit({});
  CHECK(absl::IsUnavailable(refused.status()));
  CHECK(absl::IsUnavailable(run.sim.broken()));  // and the daemon is told to end
  CHECK(absl::IsUnavailable(run.sim.Watch(run.sim.host("server-0")).status()));
  run.sim.store().failing = false;
  run.sim.RestartScheduler();
  CHECK(run.sim.Jobs().size() == 1);
}

TEST_CASE("progress is journaled at most once a second") {
  Running run;
  run.sim.PassSilently(seconds(1));
  REQUIRE(run.sim.ReportStep(run.job, 0, 1).ok());
  const int before = run.sim.store().writes;
  for (uint64_t step = 2; step < 9; ++step) REQUIRE(run.sim.ReportStep(run.job, 0, step).ok());
  CHECK(run.sim.store().writes <= before + 1);
  run.sim.PassSilently(milliseconds(1200));
  CHECK(run.sim.store().writes >= before + 1);
}

}  // namespace
}  // namespace paracord
