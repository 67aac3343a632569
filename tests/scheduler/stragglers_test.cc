// Tasks that compute slowly: virtual workers move away from them, or spare tasks help.
#include "scheduler/stragglers.h"

#include "scheduler/plan_tasks.h"
#include "tests/scheduler/running_job.h"

namespace paracord {
namespace {

// A job whose tasks compute at the speeds that the test says: a step takes as long as its slowest
// task, and everybody reports every 500 ms.
struct Race {
  SimCluster sim;
  std::string job;
  std::map<uint32_t, double> seconds;                       // of a slice, by rank
  std::map<uint32_t, std::pair<uint64_t, double>> counted;  // by rank: slices, busy seconds

  Race(const SimJob& spec, uint32_t workers) {
    sim.AddServer("server-0");
    for (uint32_t i = 0; i < workers; ++i) sim.AddWorker(absl::StrCat("worker-", i));
    job = sim.Submit(spec);
    sim.Beat();
    REQUIRE(sim.State(job) == pb::RUNNING);
  }
  pb::Plan plan() { return sim.Get(job).plan(); }

  double StepSeconds() {
    double longest = 0;
    const pb::Plan plan = this->plan();
    for (const pb::TaskSlot& slot : plan.tasks()) {
      if (!slot.backup()) longest = std::max(longest, (slot.end() - slot.begin()) * Of(slot));
    }
    return longest;
  }
  double Of(const pb::TaskSlot& slot) {
    const auto found = seconds.find(slot.rank());
    return found == seconds.end() ? 0.01 : found->second;
  }
  void RunFor(Duration duration) {
    for (Duration left = duration; left > Duration::zero(); left -= milliseconds(500)) {
      const double steps = 0.5 / StepSeconds();
      const pb::Plan plan = this->plan();
      for (const pb::TaskSlot& slot : plan.tasks()) {
        auto& [slices, busy] = counted[slot.rank()];
        const auto more = static_cast<uint64_t>(steps * (slot.end() - slot.begin()));
        slices += more;
        busy += static_cast<double>(more) * Of(slot);
        pb::TaskReport report = sim.MakeReport(job, slot.rank());
        report.set_busy_seconds(busy);
        report.set_slices(slices);
        (void)sim.Report(report);
      }
      sim.Pass(milliseconds(500));
    }
  }
  std::string Counts() {
    std::string text;
    const pb::Plan plan = this->plan();
    for (const pb::TaskSlot& slot : plan.tasks()) {
      absl::StrAppend(&text, slot.end() - slot.begin(), slot.backup() ? "+ " : " ");
    }
    return text;
  }
};

TEST_CASE("virtual workers move from a slow task to fast ones, once, by a plan that says why") {
  Race race({.workers = 4, .balance = true}, 4);
  race.seconds[2] = 0.03;
  CHECK(race.Counts() == "2 2 2 2 ");
  race.RunFor(seconds(2));
  CHECK(race.plan().number() == 1);
  race.RunFor(seconds(6));
  CHECK(race.Counts() == "3 2 1 2 ");
  CHECK(race.plan().number() == 2);
  CHECK(race.plan().history() == 1);
  CHECK(race.plan().tasks(3).incarnation() == 1);
  CHECK(race.sim.Get(race.job).status().tasks(0).end() == 3);
  const auto events = race.sim.Get(race.job).status().events();
  CHECK(
      Has(events.rbegin()->text(), "virtual workers move to faster tasks: 3, 2, 1, 2 instead of"));
  race.RunFor(seconds(20));
  CHECK(race.plan().number() == 2);
  SECTION("and back when it has become fast, also after a restart of the scheduler") {
    race.sim.RestartScheduler();
    race.seconds[2] = 0.01;
    race.RunFor(seconds(8));
    CHECK(race.StepSeconds() == Approx(0.02));
    CHECK(race.plan().number() == 3);
  }
}

TEST_CASE("without balance, or with speeds that differ by little, nothing moves") {
  const bool balance = GENERATE(true, false);
  Race race({.workers = 4, .balance = balance}, 4);
  race.seconds[2] = balance ? 0.0105 : 0.03;
  race.RunFor(seconds(15));
  CHECK(race.plan().number() == 1);
}

TEST_CASE("one slow answer is no reason to move, nor speeds that change back and forth") {
  Race race({.workers = 2, .balance = true}, 2);
  for (int round = 0; round < 10; ++round) {
    race.seconds[round % 2] = 0.02;
    race.seconds[1 - round % 2] = 0.01;
    race.RunFor(milliseconds(1500));
  }
  CHECK(race.plan().number() <= 3);
}

TEST_CASE("ranges mean nothing in ssp and async: nothing is moved there") {
  Race race({.workers = 4, .consistency = "{ssp: 3}", .balance = true}, 4);
  race.seconds[2] = 0.03;
  race.RunFor(seconds(10));
  CHECK(race.plan().number() == 1);
}

TEST_CASE("a backup is started on a free slot, and computes what the slowest task computes") {
  Race race({.workers = 3, .consistency = "{bsp: {backup: 1}}"}, 4);
  CHECK(race.Counts() == "2 3 3 ");
  race.RunFor(seconds(3));
  CHECK(race.Counts() == "2 3 3 2+ ");
  CHECK(Shadows(race.plan()).at(3) == 0);  // nobody is known to be slow yet
  CHECK(race.sim.Get(race.job).status().backup() == 1);
  CHECK(race.sim.Get(race.job).status().consistency() == "bsp");
  race.seconds[1] = 0.03;
  race.RunFor(seconds(10));
  CHECK(Shadows(race.plan()).at(3) == 1);
  CHECK(race.plan().tasks(3).incarnation() == 2);  // the same process
  const uint64_t number = race.plan().number();
  race.seconds[2] = 0.033;  // slower, but not clearly
  race.RunFor(seconds(10));
  CHECK(race.plan().number() == number);
  race.sim.RestartScheduler();
  race.seconds[2] = 0.05;
  race.RunFor(seconds(12));
  CHECK(Shadows(race.plan()).at(3) == 2);
  CHECK(race.sim.Get(race.job).status().backup() == 1);
}

TEST_CASE("no free slot, no backup; and a job's end does not wait for one") {
  Race race({.workers = 3, .consistency = "{bsp: {backup: 1}}"}, 3);
  race.RunFor(seconds(5));
  CHECK(race.plan().number() == 1);
  race.sim.AddWorker("worker-3");
  race.RunFor(seconds(3));
  REQUIRE(BackupCount(race.plan()) == 1);
  for (uint32_t rank = 0; rank < 3; ++rank) {
    pb::TaskReport report = race.sim.MakeReport(race.job, rank);
    report.set_step(kSimSteps);
    report.set_done(true);
    REQUIRE(race.sim.Report(report).ok());
  }
  race.sim.Pass(seconds(1));
  CHECK(race.sim.State(race.job) == pb::SUCCEEDED);
  CHECK(race.sim.Get(race.job).status().tasks(3).state() == "RELEASED");
}

TEST_CASE("a backup that ends is left out, counts as no restart, and comes back later") {
  Race race({.workers = 2, .max_restarts = 0, .consistency = "{bsp: {backup: 1}}"}, 3);
  race.RunFor(seconds(3));
  REQUIRE(BackupCount(race.plan()) == 1);
  race.sim.Beat();
  const int code = GENERATE(0, 1, 137);
  if (code == 1) {
    pb::TaskReport report = race.sim.MakeReport(race.job, 2);
    report.mutable_failure()->set_code("Internal");
    report.mutable_failure()->set_message("no memory");
    REQUIRE(race.sim.Report(report).ok());
  }
  if (SimTask* task = race.sim.LiveTask(race.job, 2)) {
    task->exited = true;
    task->exit = code;
    race.sim.Beat();
  }
  CHECK(race.sim.State(race.job) == pb::RUNNING);
  CHECK(BackupCount(race.plan()) == 0);
  CHECK(TaskCount(race.plan()) == 2);
  CHECK(race.sim.Get(race.job).status().restarts() == 0);
  race.RunFor(seconds(12));
  CHECK(BackupCount(race.plan()) == 1);
  race.sim.Kill("worker-2");
  race.sim.Pass(seconds(3));
  CHECK(BackupCount(race.plan()) == 0);
  CHECK(TaskCount(race.plan()) == 2);
  CHECK(race.sim.Waits(race.job) == "");
  CHECK(race.sim.Get(race.job).status().restarts() == 0);
}

TEST_CASE("a backup's slot goes to a pending job, and the place of a lost task to a backup") {
  Race race({.workers = 2, .consistency = "{bsp: {backup: 1}}"}, 3);
  race.RunFor(seconds(3));
  REQUIRE(BackupCount(race.plan()) == 1);
  SECTION("pending") {
    const std::string next = race.sim.Submit({.name = "next"});
    race.sim.Pass(seconds(1));
    CHECK(race.sim.State(next) == pb::RUNNING);
    CHECK(race.Counts() == "4 4 ");
  }
  SECTION("lost") {
    race.sim.Kill("worker-0");
    race.sim.Pass(seconds(3));
    CHECK(race.Counts() == "4 4 ");
    CHECK(race.plan().tasks(1).rank() == 2);
    CHECK(race.plan().tasks(1).incarnation() == 2);
  }
}

}  // namespace
}  // namespace paracord
