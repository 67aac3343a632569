#include "scheduler/cluster.h"

#include <catch2/catch.hpp>

#include "tests/scheduler/sim_cluster.h"

namespace paracord {
namespace {

bool Has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

// Two servers, two workers, one job of two tasks, running.
struct Running {
  SimCluster sim;
  std::string job;

  explicit Running(SimJob spec = {.workers = 2}) {
    for (const char* name : {"server-0", "server-1"}) sim.AddServer(name);
    for (const char* name : {"worker-0", "worker-1"}) sim.AddWorker(name);
    job = sim.Submit(spec);
    sim.Beat();
    REQUIRE(sim.State(job) == pb::RUNNING);
  }
  pb::Plan plan() { return sim.Get(job).plan(); }
  pb::JobStatus status() { return sim.Get(job).status(); }
};

TEST_CASE("a job runs to its end: started, done, stored, succeeded") {
  Running run;
  CHECK(run.plan().number() == 1);
  CHECK(run.plan().history() == 1);
  pb::TaskReport report = run.sim.MakeReport(run.job, 0);
  report.set_step(7);
  report.set_has_loss(true);
  report.set_loss(0.5);
  report.set_step_samples(56);
  report.set_step_seconds(0.5);
  pb::Metric* metric = report.add_metrics();
  metric->set_name("test_loss");
  metric->set_value(0.25);
  REQUIRE(run.sim.Report(report).ok());
  pb::JobStatus status = run.status();
  CHECK(status.step() == 7);
  CHECK(status.steps() == kSimSteps);
  CHECK(status.epoch() == 1);
  CHECK(status.loss() == 0.5);
  CHECK(status.samples_per_second() == 112);
  CHECK(status.metrics(0).value() == 0.25);
  REQUIRE(status.samples_size() == 2);
  CHECK(status.samples(0).expected() == 40);
  CHECK(status.samples(0).applied() == 40);
  CHECK(status.samples(1).expected() == 40);
  CHECK(status.samples(1).applied() == 16);
  run.sim.ReportAllDone(run.job);
  CHECK(run.plan().phase() == pb::Plan::FINISHED);
  CHECK(run.plan().step() == kSimSteps);
  CHECK(run.plan().tasks_size() == 0);
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  run.sim.Beat();
  status = run.status();
  CHECK(status.state() == pb::SUCCEEDED);
  REQUIRE(status.checkpoints_size() == 2);
  CHECK(status.checkpoints(0).step() == 0);
  CHECK(status.checkpoints(1).step() == kSimSteps);
  CHECK(status.checkpoints(1).bytes() == 200);
  CHECK(run.sim.Watch(run.sim.host("server-0"))->assignments_size() == 0);
}

TEST_CASE("jobs start first in, first out, and whole gangs only") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0", 2);
  const std::string a = sim.Submit({.workers = 1});
  const std::string b = sim.Submit({.workers = 2});
  const std::string c = sim.Submit({.workers = 1});
  CHECK(sim.State(a) == pb::RUNNING);
  CHECK(sim.State(b) == pb::PENDING);
  CHECK(sim.State(c) == pb::PENDING);  // there is a slot for it, but b came first
  CHECK(Has(sim.Waits(b), "2 free slots needed, 1 free (worker-0: 1 of 2 busy with " + a + ")"));
  CHECK(Has(sim.Waits(c), "behind job " + b + " in the queue"));
  const int64_t since = sim.Get(b).status().waits(0).since_unix_ms();
  sim.Pass(seconds(1));
  CHECK(sim.Get(b).status().waits(0).since_unix_ms() == since);
  sim.ReportAllDone(a);
  sim.Pass(seconds(2));
  CHECK(sim.State(a) == pb::SUCCEEDED);
  CHECK(sim.State(b) == pb::RUNNING);
  CHECK(sim.State(c) == pb::PENDING);
}

TEST_CASE("no job starts before there are min_servers") {
  SimCluster sim(2);
  sim.AddServer("server-0");
  sim.AddWorker("worker-0");
  const std::string job = sim.Submit({});
  CHECK(Has(sim.Waits(job), "2 servers needed, 1 ready: server-0"));
  sim.AddServer("server-1");
  CHECK(sim.State(job) == pb::RUNNING);
  CHECK(sim.Get(job).plan().shards_size() == 2);
}

TEST_CASE("a job that can never fit is refused with the sums; one that does not fit now waits") {
  SimCluster sim;
  sim.AddServer("server-0", 2500);
  sim.AddWorker("worker-0", 4);
  const auto refused = sim.TrySubmit({.units = 1000});
  CHECK(absl::IsResourceExhausted(refused.status()));
  CHECK(Has(std::string(refused.status().message()), "58.6 KiB"));
  const std::string a = sim.Submit({.units = 30});  // 150 floats, 1800 bytes
  const std::string b = sim.Submit({.units = 30});
  CHECK(sim.State(a) == pb::RUNNING);
  CHECK(Has(sim.Waits(b), "1.8 KiB of memory on servers needed, 700 bytes of 2.4 KiB free"));
  REQUIRE(sim.Cancel(a).ok());
  CHECK(sim.State(b) == pb::RUNNING);
  CHECK(absl::IsInvalidArgument(sim.TrySubmit({.device = "abacus"}).status()));
}

TEST_CASE(
    "a task killed by a signal starts again with a higher incarnation, and the old one is "
    "refused") {
  Running run;
  const pb::TaskReport old = run.sim.MakeReport(run.job, 1);
  run.sim.Exit(run.job, 1, 128 + 9);
  const pb::Plan plan = run.plan();
  CHECK(plan.number() == 2);
  CHECK(plan.history() == 1);
  CHECK(plan.tasks(1).incarnation() == 2);
  CHECK(plan.tasks(1).worker() == "worker-1");
  CHECK(plan.tasks(0).incarnation() == 1);
  CHECK(run.status().restarts() == 1);
  CHECK(absl::IsFailedPrecondition(run.sim.Report(old)));
  run.sim.Beat();
  CHECK(run.sim.ReportStep(run.job, 1, 3).ok());
}

TEST_CASE("one restart more than max_restarts fails the job with that failure") {
  Running run({.workers = 2, .max_restarts = 1});
  run.sim.Exit(run.job, 1, 128 + 9);
  run.sim.Beat();
  run.sim.Exit(run.job, 1, 128 + 11);
  const pb::JobStatus status = run.status();
  CHECK(status.state() == pb::FAILED);
  CHECK(status.restarts() == 1);
  CHECK(status.first_failure().code() == "TaskExited");
  CHECK(status.first_failure().rank() == 1);
  CHECK(status.first_failure().exit() == 139);
  CHECK(status.first_failure().node() == "worker-1");
  CHECK(status.first_failure().log_tail() == "last words");
  CHECK(run.plan().phase() == pb::Plan::CLOSED);
  CHECK(run.plan().tasks_size() == 0);
}

TEST_CASE(
    "an exit code of 1 to 127 fails the job at once; 0 before done is started again for nothing") {
  Running run;
  run.sim.Exit(run.job, 0, 0);
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.status().restarts() == 0);
  CHECK(run.plan().tasks(0).incarnation() == 2);
  run.sim.Beat();
  run.sim.Exit(run.job, 0, 3);
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(Has(run.status().first_failure().message(), "task 0 on worker-0 exited with code 3"));
}

TEST_CASE("the first failure reported is the one shown, whoever exits first") {
  Running run;
  pb::TaskReport report = run.sim.MakeReport(run.job, 1);
  report.mutable_failure()->set_code("DataLoss");
  report.mutable_failure()->set_message("train-images: torn");
  REQUIRE(run.sim.Report(report).ok());
  run.sim.Exit(run.job, 0, 1);  // a follow-up
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  run.sim.Exit(run.job, 1, 1);
  const pb::Failure failure = run.status().first_failure();
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(failure.code() == "DataLoss");
  CHECK(failure.message() == "train-images: torn");
  CHECK(failure.rank() == 1);
  CHECK(failure.exit() == 1);
  CHECK(failure.log_tail() == "last words");
}

TEST_CASE("a server lost after a task announced its failure does not replace the first cause") {
  Running run;
  pb::TaskReport report = run.sim.MakeReport(run.job, 1);
  report.mutable_failure()->set_code("DataLoss");
  REQUIRE(run.sim.Report(report).ok());
  run.sim.Start("server-0");
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(run.status().first_failure().code() == "DataLoss");
}

TEST_CASE("a task that announced its failure and does not end fails its job all the same") {
  Running run;
  pb::TaskReport report = run.sim.MakeReport(run.job, 1);
  report.mutable_failure()->set_code("Internal");
  REQUIRE(run.sim.Report(report).ok());
  run.sim.Pass(seconds(3));
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(run.status().first_failure().exit() == -1);
}

TEST_CASE("a silent worker's tasks move when its lease is over, and wait while there is no slot") {
  Running run;
  run.sim.Kill("worker-0");
  run.sim.Pass(milliseconds(1500));
  CHECK(run.plan().number() == 1);
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().number() == 1);
  CHECK(run.status().tasks(0).state() == "LOST");
  CHECK(Has(run.sim.Waits(run.job), "task 0: a free slot"));
  run.sim.AddWorker("worker-2");
  CHECK(run.plan().number() == 2);
  CHECK(run.plan().tasks(0).worker() == "worker-2");
  CHECK(run.status().restarts() == 1);
}

TEST_CASE("a task is not moved to a worker that would compute other bits") {
  Running run;
  run.sim.Kill("worker-0");
  run.sim.AddWorker("worker-2", 1, "AVX");
  run.sim.Pass(seconds(3));
  CHECK(run.plan().number() == 1);
  run.sim.AddWorker("worker-3", 1, "AVX512_CORE");
  CHECK(run.plan().tasks(0).worker() == "worker-3");
  CHECK(run.plan().compute().isa() == "AVX2");
}

TEST_CASE("a worker that leaves in order costs its job no restart") {
  Running run;
  run.sim.Leave("worker-0");
  run.sim.AddWorker("worker-2");
  CHECK(run.plan().tasks(0).worker() == "worker-2");
  CHECK(run.status().restarts() == 0);
}

TEST_CASE("all tasks of one lost worker count as one restart") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0", 4);
  const std::string job = sim.Submit({.workers = 4, .max_restarts = 1});
  sim.Start("worker-0");
  sim.Pass(seconds(1));
  CHECK(sim.State(job) == pb::RUNNING);
  CHECK(sim.Get(job).status().restarts() == 1);
  CHECK(sim.Get(job).plan().tasks(3).incarnation() == 2);
}

TEST_CASE("a lost server fails the job and is named") {
  Running run;
  const bool restarted = GENERATE(true, false);
  run.sim.Kill("server-1");
  if (restarted) run.sim.Start("server-1");
  run.sim.Pass(seconds(3));
  const pb::JobStatus status = run.status();
  CHECK(status.state() == pb::FAILED);
  CHECK(status.first_failure().code() == "ServerLost");
  CHECK(status.first_failure().node() == "server-1");
  CHECK(status.first_failure().rank() == -1);
  CHECK(run.plan().phase() == pb::Plan::CLOSED);
}

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

TEST_CASE("a server that comes back without what it had stored fails the job with DataLoss") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  run.sim.Leave("server-1");
  std::erase_if(run.sim.host("server-1").disk, [](const auto& s) { return s.step() == 4; });
  run.sim.Start("server-1");
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(run.status().first_failure().code() == "DataLoss");
}

TEST_CASE("a server that leaves with less than it had applied has lost it") {
  Running run;
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  run.sim.Beat();
  run.sim.Leave("server-1", false);  // step 0 is all it stored
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(run.status().first_failure().code() == "ServerLost");
}

TEST_CASE("a finished job whose server dies before it stored fails; with the proof it succeeds") {
  Running run;
  run.sim.ReportAllDone(run.job);
  const bool stored = GENERATE(true, false);
  SimHost& server = run.sim.host("server-1");
  if (stored) {
    pb::StoredRange last = server.disk.at(0);
    last.set_step(kSimSteps);
    server.disk.push_back(last);
  }
  run.sim.Kill("server-1");
  run.sim.Pass(seconds(4));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(Has(run.sim.Waits(run.job), "server-1: is not there"));
  run.sim.Start("server-1");
  CHECK(run.sim.State(run.job) == (stored ? pb::SUCCEEDED : pb::FAILED));
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
  shard->set_error_code("ResourceExhausted");
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
  CHECK(absl::IsFailedPrecondition(sim.Cancel(a)));
  const std::string c = sim.Submit({});
  REQUIRE(sim.Cancel(c).ok());
  CHECK(sim.Get(c).plan().number() == 0);
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

TEST_CASE("after the scheduler's restart, who does not join again is lost") {
  Running run;
  run.sim.Kill("server-0");
  run.sim.RestartScheduler();
  run.sim.Pass(milliseconds(2500));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(Has(run.status().first_failure().message(), "did not come back after the scheduler's"));
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
