#include "scheduler/skipped_steps.h"

#include "absl/strings/match.h"
#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

std::vector<std::string> Skips(Running& run) {
  std::vector<std::string> texts;
  const pb::JobStatus status = run.status();
  for (const pb::Event& event : status.events()) {
    if (absl::StrContains(event.text(), " skipped")) texts.push_back(event.text());
  }
  return texts;
}

void Report(Running& run, uint32_t rank, const std::vector<uint64_t>& steps) {
  pb::TaskReport report = run.sim.MakeReport(run.job, rank);
  for (const uint64_t step : steps) {
    pb::SkippedStep* skipped = report.add_skipped();
    skipped->set_step(step);
    skipped->set_why(absl::StrCat("the loss is nan, says task ", rank));
  }
  REQUIRE(run.sim.Report(report).ok());
}

TEST_CASE("a skipped step is told once, whoever reports it and however often") {
  Running run;
  Report(run, 1, {17});
  Report(run, 0, {17, 1});
  Report(run, 1, {17});
  CHECK(Skips(run) == std::vector<std::string>{"step 17 skipped: the loss is nan, says task 1",
                                               "step 1 skipped: the loss is nan, says task 0"});
}

TEST_CASE("a job that skips all of its steps does not flood its history") {
  Running run;
  for (uint64_t step = 0; step < 100; ++step) Report(run, 0, {step});
  const std::vector<std::string> skips = Skips(run);
  REQUIRE(skips.size() == kMostSkipsNoted);
  CHECK(absl::EndsWith(skips.back(), "; further ones are only counted"));
  CHECK_FALSE(absl::EndsWith(skips.front(), "counted"));
}

TEST_CASE("how many were skipped is what the speaker says of the job's step") {
  Running run;
  const auto report = [&](uint32_t rank, uint64_t step, std::optional<uint64_t> skipped) {
    pb::TaskReport report = run.sim.MakeReport(run.job, rank);
    report.set_step(step);
    if (skipped) report.set_skipped_steps(*skipped);
    REQUIRE(run.sim.Report(report).ok());
    return run.status().skipped_steps();
  };
  CHECK(report(0, 4, 2) == 2);
  CHECK(report(1, 4, 3) == 2);             // no speaker
  CHECK(report(0, 3, 1) == 2);             // late
  CHECK(report(0, 4, std::nullopt) == 2);  // not known at the start of a plan
  CHECK(report(0, 5, 3) == 3);
}

}  // namespace
}  // namespace paracord
