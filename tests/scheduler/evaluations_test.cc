// Early ends and best checkpoints, as the scheduler keeps and follows them.
#include "scheduler/evaluations.h"

#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

SimJob Watched(const std::string& checkpoint) {
  return {.workers = 2, .checkpoint = checkpoint, .test = true};
}

// Task `rank` knows of the evaluations up to `judged`.
pb::TaskReport Knows(Running& run, uint32_t rank, uint64_t judged, uint64_t best_step = 0,
                     uint64_t stop_step = 0) {
  pb::TaskReport report = run.sim.MakeReport(run.job, rank);
  report.set_history(run.plan().history());
  pb::Evaluations* evaluations = report.mutable_evaluations();
  evaluations->set_judged(judged);
  evaluations->set_best_step(best_step);
  evaluations->mutable_best()->set_name("test_loss");
  evaluations->mutable_best()->set_value(1.0 / static_cast<double>(1 + best_step));
  evaluations->set_stop_step(stop_step);
  if (stop_step > 0) evaluations->set_why("test_loss has not improved");
  return report;
}

// Ascending, the best with a star.
std::string Steps(Running& run) {
  std::string steps;
  const pb::JobStatus status = run.status();
  for (const pb::StoredStep& stored : status.checkpoints()) {
    absl::StrAppend(&steps, steps.empty() ? "" : " ", stored.step(), stored.best() ? "*" : "");
  }
  return steps;
}

void Judged(Running& run, uint64_t judged, uint64_t best_step) {
  REQUIRE(run.sim.Report(Knows(run, 0, judged, best_step)).ok());
  run.sim.Beat();
}

TEST_CASE("the best checkpoint is marked with its figure and kept, however old it becomes") {
  Running run(Watched("{keep: 1, best: test_loss}"));
  for (uint64_t step = 1; step <= 6; ++step) {
    run.sim.Checkpoint(run.job, step);
    Judged(run, step, step < 2 ? step : 2);
  }
  CHECK(Steps(run) == "2* 6");
  const pb::StoredStep best = run.status().checkpoints(0);
  CHECK(best.best_value() == 1.0 / 3);
  run.sim.RestartScheduler();
  run.sim.Beat();
  CHECK(Steps(run) == "2* 6");
  run.sim.Checkpoint(run.job, 7);
  Judged(run, 7, 7);
  CHECK(Steps(run) == "7*");
}

TEST_CASE("a checkpoint whose evaluation nobody has told yet is kept until then") {
  Running run(Watched("{keep: 1, best: test_loss}"));
  Judged(run, 1, 1);
  for (uint64_t step = 2; step <= 5; ++step) run.sim.Checkpoint(run.job, step);
  CHECK(Steps(run) == "2 3 4 5");
  run.sim.RestartScheduler();
  run.sim.Beat();
  CHECK(Steps(run) == "2 3 4 5");
  Judged(run, 5, 3);
  CHECK(Steps(run) == "3* 5");
}

TEST_CASE("if the best step was not stored, the best one before it stays marked and kept") {
  Running run(Watched("{keep: 1, best: test_loss}"));
  run.sim.Checkpoint(run.job, 2);
  Judged(run, 2, 2);
  Judged(run, 4, 4);
  run.sim.Checkpoint(run.job, 6);
  Judged(run, 6, 4);
  CHECK(Steps(run) == "2* 6");
}

TEST_CASE("without checkpoint.best nothing is marked, whatever tasks say") {
  Running run(Watched("{keep: 1}"));
  run.sim.Checkpoint(run.job, 2);
  Judged(run, 2, 2);
  run.sim.Checkpoint(run.job, 3);
  CHECK(Steps(run) == "3");
}

TEST_CASE("a late report, and one of another history, changes nothing") {
  Running run(Watched("{best: test_loss}"));
  Judged(run, 5, 4);
  Judged(run, 3, 3);
  CHECK(run.status().evaluations().best_step() == 4);
  pb::TaskReport old = Knows(run, 0, 9, 9, 9);
  old.set_history(1);
  run.sim.Checkpoint(run.job, 2);
  REQUIRE(run.sim.Change(run.job, pb::ChangeCheckpointRequest::RESTORE, 2).ok());
  run.sim.Beat();
  CHECK(run.plan().history() == 2);
  CHECK(run.status().evaluations().judged() == 0);  // it is worked out again
  old.set_incarnation(run.sim.LiveTask(run.job, 0)->incarnation);
  REQUIRE(run.sim.Report(old).ok());
  CHECK(run.status().evaluations().judged() == 0);
  CHECK(run.status().steps() == kSimSteps);
}

TEST_CASE("a job that stops early ends at that step, and says why, also over a restart") {
  for (const int restart : {0, 1, 2}) {
    CAPTURE(restart);
    Running run(Watched("{}"));
    const auto done = [&](uint32_t rank) {
      pb::TaskReport report = Knows(run, rank, 7, 0, 7);
      report.set_step(7);
      report.set_done(true);
      REQUIRE(run.sim.Report(report).ok());
    };
    REQUIRE(run.sim.Report(Knows(run, 0, 6, 0, 7)).ok());
    CHECK(run.status().steps() == 7);
    if (restart == 1) run.sim.RestartScheduler();
    run.sim.Beat();
    done(0);
    REQUIRE(run.sim.Report(Knows(run, 1, 5)).ok());  // it has not come so far
    if (restart == 2) run.sim.RestartScheduler();
    run.sim.Beat();
    done(1);
    run.sim.Beat();
    CHECK(run.plan().phase() == pb::Plan::FINISHED);
    CHECK(run.plan().step() == 7);
    run.sim.Beat();
    const pb::JobStatus status = run.status();
    INFO(status.DebugString());
    CHECK(status.state() == pb::SUCCEEDED);
    CHECK(status.step() == 7);
    CHECK(status.steps() == 7);
    CHECK(status.evaluations().stop_step() == 7);
    const auto& events = status.events();
    CHECK(std::count_if(events.begin(), events.end(), [](const pb::Event& event) {
            return event.text() == "ends early, at step 7: test_loss has not improved";
          }) == 1);
  }
}

TEST_CASE("no checkpoint is ordered for a step after an early end") {
  Running run(Watched("{}"));
  REQUIRE(run.sim.Report(Knows(run, 0, 1, 0, 2)).ok());
  const auto step = run.sim.Change(run.job, pb::ChangeCheckpointRequest::SAVE);
  REQUIRE_FALSE(step.ok());
  CHECK(Has(std::string(step.status().message()), "of 2 and about to end"));
}

TEST_CASE("a job begins with another one's best checkpoint, or is told that there is none") {
  Running run(Watched("{keep: 1, best: test_loss}"));
  SimJob next = Watched("{best: test_loss}");
  next.init = "{job: sim-1, step: best}";
  const auto none = run.sim.TrySubmit(next);
  CHECK(none.status().message() == "sim-1 has no best checkpoint yet");
  for (const uint64_t step : {4, 6}) run.sim.Checkpoint(run.job, step);
  Judged(run, 6, 4);
  const std::string id = run.sim.Submit(next);
  REQUIRE(run.sim.Cancel(run.job).ok());
  run.sim.Pass(seconds(5));
  CHECK(run.sim.Get(id).plan().origin().step() == 4);
}

}  // namespace
}  // namespace paracord
