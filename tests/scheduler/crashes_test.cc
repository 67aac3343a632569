#include "scheduler/crashes.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

constexpr int kSegv = 139, kAbort = 134, kKill = 137;

SimJob ManyRestarts() { return {.workers = 2, .max_restarts = 100}; }

// The task ends so and is started again; says at which step it begins, if it is that far.
void Crash(Running& run, uint32_t rank, int exit) {
  run.sim.Exit(run.job, rank, exit);
  run.sim.Beat();
}
void Begin(Running& run, uint32_t rank, uint64_t step) {
  pb::TaskReport report = run.sim.MakeReport(run.job, rank);
  report.set_history(run.plan().history());
  report.set_step(step);
  REQUIRE(run.sim.Report(report).ok());
}

TEST_CASE("three crashes at one step end the job, with signal, step, rank, node and last lines") {
  Running run(ManyRestarts());
  REQUIRE(run.sim.ReportStep(run.job, 0, 4).ok());
  Crash(run, 1, kSegv);
  Crash(run, 1, kAbort);
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.status().restarts() == 2);
  run.sim.Exit(run.job, 1, kSegv);
  REQUIRE(run.sim.State(run.job) == pb::FAILED);
  const pb::Failure failure = run.status().first_failure();
  CHECK(failure.code() == "TaskExited");
  CHECK(failure.message() ==
        "task 1 on worker-1 was killed by signal 11 (SIGSEGV) at step 4, where tasks of this job "
        "have crashed 3 times");
  CHECK(failure.rank() == 1);
  CHECK(failure.node() == "worker-1");
  CHECK(failure.exit() == kSegv);
  CHECK(failure.log_tail() == "last words");
}

TEST_CASE("the count starts anew when the job has moved on, and is not that of ended processes") {
  Running run(ManyRestarts());
  for (uint64_t step = 0; step < 5; ++step) {
    REQUIRE(run.sim.ReportStep(run.job, 0, step).ok());
    for (int i = 0; i < 2; ++i) {
      Crash(run, 1, kSegv);
      Begin(run, 1, step);
      Crash(run, 1, kKill);
      Crash(run, 1, 128 + 15);
    }
  }
  CHECK(run.sim.State(run.job) == pb::RUNNING);
  CHECK(run.status().restarts() == 30);
}

TEST_CASE("what a task begins with after a crash is no progress: its step was known too late") {
  Running run(ManyRestarts());
  REQUIRE(run.sim.ReportStep(run.job, 0, 3).ok());
  Crash(run, 0, kSegv);  // at step 5, as nobody knows yet
  Begin(run, 0, 5);
  Crash(run, 0, kSegv);
  Begin(run, 0, 5);
  run.sim.Exit(run.job, 0, kSegv);
  CHECK(run.sim.State(run.job) == pb::FAILED);
  CHECK(Has(run.status().first_failure().message(), "at step 5,"));
}

TEST_CASE("a restarted scheduler goes on counting") {
  Running run(ManyRestarts());
  Crash(run, 1, kSegv);
  run.sim.RestartScheduler();
  run.sim.Pass(seconds(2));
  Crash(run, 1, kSegv);
  run.sim.Exit(run.job, 1, kSegv);
  CHECK(run.sim.State(run.job) == pb::FAILED);
}

TEST_CASE("what ended a process is told in words: signals by their names, memory by name") {
  auto job = Job::Make([&] {
               pb::JobRecord record;
               record.mutable_job()->set_yaml(SimJob().Yaml());
               record.mutable_job()->set_directory("/");
               record.mutable_status()->add_tasks()->set_node("worker-0");
               return record;
             }())
                 .value();
  const auto text = [&](int exit, bool out_of_memory = false) {
    pb::TaskProcess process;
    process.set_exit(exit);
    process.set_out_of_memory(out_of_memory);
    return ExitString(*job, process);
  };
  CHECK(text(3) == "task 0 on worker-0 exited with code 3");
  CHECK(text(12, true) == "task 0 on worker-0 exited with code 12: out of memory");
  CHECK(text(kSegv) == "task 0 on worker-0 was killed by signal 11 (SIGSEGV)");
  CHECK(text(kKill) == "task 0 on worker-0 was killed by signal 9 (SIGKILL)");
  CHECK(text(kKill, true) == "task 0 on worker-0 was killed by signal 9: out of memory");
  CHECK(text(128 + 50) == "task 0 on worker-0 was killed by signal 50");
  CHECK(text(2'000'000'000) == "task 0 on worker-0 was killed by signal 1999999872");
}

}  // namespace
}  // namespace paracord
