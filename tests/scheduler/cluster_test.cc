#include "scheduler/cluster.h"

#include "common/job/sampler.h"
#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

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
  const std::string a = sim.Submit({.units = 30});  // 150 floats and 4 of metrics, 1848 bytes
  const std::string b = sim.Submit({.units = 30});
  CHECK(sim.State(a) == pb::RUNNING);
  CHECK(Has(sim.Waits(b), "1.8 KiB of memory on servers needed, 652 bytes of 2.4 KiB free\n"));
  REQUIRE(sim.Cancel(a).ok());
  sim.Pass(seconds(1));
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
  CHECK(run.plan().history() == 1);  // nobody goes back any more
  run.sim.Pass(seconds(3));
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

TEST_CASE("a silent worker's tasks are taken over when its lease is over, and come back later") {
  Running run;
  run.sim.Kill("worker-0");
  run.sim.Pass(milliseconds(1500));
  CHECK(run.plan().number() == 1);
  run.sim.Pass(seconds(1));
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.plan().number() == 2);
  CHECK(run.status().tasks(0).state() == "RELEASED");
  CHECK(run.status().tasks(1).state() == "STARTING");
  CHECK(run.status().tasks(1).end() == kSimVirtualWorkers);
  CHECK(Has(run.sim.Waits(run.job), "task 0: a free slot that computes as cpu AVX2"));
  run.sim.AddWorker("worker-2");
  CHECK(run.plan().number() == 3);
  CHECK(run.plan().tasks(0).worker() == "worker-2");
  CHECK(run.plan().tasks(0).incarnation() == 3);
  CHECK(run.status().tasks(0).state() == "STARTING");
  CHECK(run.status().restarts() == 1);
  CHECK(!Has(run.sim.Waits(run.job), "a free slot"));
}

TEST_CASE("the only task of a silent worker waits while there is no slot") {
  SimCluster sim;
  sim.AddServer("server-0");
  sim.AddWorker("worker-0");
  const std::string job = sim.Submit({});
  sim.Kill("worker-0");
  sim.Pass(seconds(3));
  CHECK(sim.Get(job).plan().number() == 1);
  CHECK(sim.Get(job).status().tasks(0).state() == "LOST");
  CHECK(Has(sim.Waits(job), "task 0: a free slot that computes as cpu AVX2"));
  sim.AddWorker("worker-1");
  CHECK(sim.Get(job).plan().number() == 2);
  CHECK(sim.Get(job).plan().tasks(0).worker() == "worker-1");
}

TEST_CASE("a task is not moved to a worker that would compute other bits") {
  Running run;
  run.sim.Kill("worker-0");
  run.sim.AddWorker("worker-2", 1, "AVX");
  run.sim.Pass(seconds(3));
  CHECK(run.plan().tasks_size() == 1);
  run.sim.AddWorker("worker-3", 1, "AVX512_CORE");
  CHECK(run.plan().tasks(0).worker() == "worker-3");
  CHECK(run.plan().compute().isa() == "AVX2");
}

TEST_CASE("a report with a number that no task can have is refused, and nobody dies of it") {
  Running run;
  pb::TaskReport report = run.sim.MakeReport(run.job, 0);
  report.set_step(3);
  report.set_train_samples(kMostSamples + 1);
  const absl::Status refused = run.sim.Report(report);
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(Has(std::string(refused.message()), "found train_samples 4611686018427387905, expected"));
  CHECK(run.status().step() == 0);  // nothing of it was taken
  report.set_train_samples(kMostSamples);
  CHECK(run.sim.Report(report).ok());
  CHECK(run.status().samples_size() == 1);  // it is computed with: ten steps are in one epoch
}

TEST_CASE("a journal with more samples than a data set can have is refused, not died of") {
  Running run;
  pb::JobRecord record;
  REQUIRE(record.ParseFromString(run.sim.store().jobs.at(run.job)));
  record.set_train_samples(kMostSamples + 1);
  const absl::Status refused = Job::Make(record).status();
  CHECK(absl::IsDataLoss(refused));
  CHECK(Has(std::string(refused.message()), "4611686018427387905 training samples"));
}

TEST_CASE("a worker that leaves in order costs its job no restart") {
  Running run;
  run.sim.Pass(seconds(2));
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

}  // namespace
}  // namespace paracord
