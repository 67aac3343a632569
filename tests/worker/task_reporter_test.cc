#include "worker/task_reporter.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <utility>

#include "tests/common/rpc/fake_coordinator.h"
#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

constexpr Duration kInterval = milliseconds(250);

// A scheduler that answers a report when the test says so.
class ReportedTo : public FakeCoordinator {
 public:
  std::deque<Call<pb::TaskReport, pb::TaskReportReply>> reports;
  bool answer_at_once = false;

  void ReportTask(const pb::TaskReport& report, Callback<pb::TaskReportReply> done) override {
    reports.push_back({report, std::move(done)});
    if (answer_at_once) reports.back().done(pb::TaskReportReply());
  }
};

struct ReporterFixture {
  ManualTimer timer;
  ReportedTo scheduler;
  std::optional<pb::Wait> wait;
  int refused = 0;
  std::unique_ptr<TaskReporter> reporter = std::make_unique<TaskReporter>(
      scheduler, timer, [this] { return wait; }, [this] { ++refused; });

  void Update(uint64_t step, bool urgent) {
    reporter->Update([step](pb::TaskReport* report) { report->set_step(step); }, urgent);
  }
  // The one call under way.
  uint64_t Step() {
    REQUIRE(scheduler.reports.size() == 1);
    return scheduler.reports.front().request.step();
  }
  template <class Answer>
  void Reply(Answer answer) {
    REQUIRE(scheduler.reports.size() == 1);
    FakeCoordinator::Reply(scheduler.reports, std::move(answer));
  }
};

TEST_CASE("nothing is told before there is something; then the newest, four times a second") {
  ReporterFixture f;
  f.timer.Advance(seconds(1));
  CHECK(f.scheduler.reports.empty());
  f.Update(1, false);
  f.Update(2, false);
  CHECK(f.scheduler.reports.empty());
  f.wait.emplace().set_what("version 3");
  f.timer.Advance(kInterval);
  CHECK(f.Step() == 2);
  CHECK(f.scheduler.reports.front().request.wait().what() == "version 3");
  f.wait.reset();
  f.Update(3, false);
  f.timer.Advance(seconds(1));
  CHECK(f.Step() == 2);  // one call under way at a time
  f.Reply(pb::TaskReportReply());
  f.timer.Advance(kInterval);
  CHECK(f.Step() == 3);
  CHECK_FALSE(f.scheduler.reports.front().request.has_wait());
}

TEST_CASE("what is urgent goes at once, or as soon as the call under way has ended") {
  ReporterFixture f;
  f.Update(1, true);
  CHECK(f.Step() == 1);
  f.Update(2, true);
  f.Update(3, false);
  CHECK(f.Step() == 1);
  f.Reply(pb::TaskReportReply());
  f.timer.Advance(Duration::zero());
  CHECK(f.Step() == 3);
}

TEST_CASE("while the scheduler is away it is tried again at the usual pace") {
  ReporterFixture f;
  f.Update(1, true);
  f.Update(2, true);
  for (int i = 0; i < 5; ++i) {
    f.Reply(absl::UnavailableError("nobody there"));
    CHECK(f.scheduler.reports.empty());
    f.timer.Advance(kInterval);
    CHECK(f.Step() == 2);
  }
}

TEST_CASE("a skipped step is told until the scheduler has taken it, and then no more") {
  ReporterFixture f;
  const auto skip = [&](uint64_t step) {
    f.reporter->Update([step](pb::TaskReport* r) { r->add_skipped()->set_step(step); }, true);
  };
  skip(3);
  f.Reply(absl::UnavailableError("nobody there"));
  skip(4);
  REQUIRE(f.scheduler.reports.size() == 1);
  CHECK(f.scheduler.reports.front().request.skipped_size() == 2);
  skip(5);  // while the call is under way
  f.Reply(pb::TaskReportReply());
  f.timer.Advance(Duration::zero());
  REQUIRE(f.scheduler.reports.size() == 1);
  REQUIRE(f.scheduler.reports.front().request.skipped_size() == 1);
  CHECK(f.scheduler.reports.front().request.skipped(0).step() == 5);
  f.Reply(pb::TaskReportReply());
  f.timer.Advance(kInterval);
  REQUIRE(f.scheduler.reports.size() == 1);
  CHECK(f.scheduler.reports.front().request.skipped_size() == 0);
}

TEST_CASE("a task whose time is over is told once, and says no more") {
  ReporterFixture f;
  f.Update(1, true);
  f.Reply(absl::FailedPreconditionError("another incarnation"));
  CHECK(f.refused == 1);
  f.Update(2, true);
  f.timer.Advance(seconds(10));
  CHECK(f.scheduler.reports.empty());
  CHECK_FALSE(f.reporter->Deliver(seconds(10)));
  CHECK(f.refused == 1);
}

TEST_CASE("delivering is over when the newest report has been taken") {
  ReporterFixture f;
  f.scheduler.answer_at_once = true;
  f.Update(7, false);
  CHECK(f.reporter->Deliver(seconds(60)));
  CHECK(f.Step() == 7);
}

TEST_CASE("an answer that comes after the reporter has gone touches nothing") {
  ReporterFixture f;
  f.Update(1, true);
  f.reporter = nullptr;
  f.Reply(absl::FailedPreconditionError("another incarnation"));
  f.timer.Advance(seconds(10));
  CHECK(f.refused == 0);
  CHECK(f.scheduler.reports.empty());
}

}  // namespace
}  // namespace paracord
