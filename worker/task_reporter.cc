#include "worker/task_reporter.h"

#include <utility>

namespace paracord {
namespace {

constexpr Duration kInterval = milliseconds(250);

}  // namespace

TaskReporter::TaskReporter(Coordinator& coordinator, Timer& timer,
                           std::function<std::optional<pb::Wait>()> current_wait,
                           std::function<void()> on_refused)
    : coordinator_(coordinator),
      timer_(timer),
      current_wait_(std::move(current_wait)),
      on_refused_(std::move(on_refused)),
      tick_(std::make_unique<Periodic>(timer, kInterval, [this] { Tick(); })) {}

TaskReporter::~TaskReporter() {
  tick_.reset();
  gate_->Close();
}

void TaskReporter::Update(const std::function<void(pb::TaskReport*)>& change, bool urgent) {
  {
    MutexLock lock(mutex_);
    change(&report_);
    ++edition_;
    if (!urgent) return;
    if (sending_) urgent_ = true;
  }
  Send();
}

void TaskReporter::Tick() {
  {
    MutexLock lock(mutex_);
    if (edition_ == 0) return;
  }
  Send();
}

void TaskReporter::Send() {
  const std::optional<pb::Wait> wait = current_wait_();
  pb::TaskReport report;
  uint64_t edition;
  {
    MutexLock lock(mutex_);
    if (sending_ || refused_) return;
    sending_ = true;
    urgent_ = false;
    report = report_;
    edition = edition_;
  }
  if (wait) *report.mutable_wait() = *wait;
  auto gate = gate_;
  const int skips = report.skipped_size();
  coordinator_.ReportTask(
      report, [this, gate, edition, skips](const absl::StatusOr<pb::TaskReportReply>& reply) {
        if (Gate::Pass pass(*gate); pass) Answered(reply.status(), edition, skips);
      });
}

void TaskReporter::Answered(const absl::Status& status, uint64_t edition, int skips) {
  bool again, refused;
  {
    MutexLock lock(mutex_);
    sending_ = false;
    again = urgent_ && status.ok();
    if (status.ok()) {
      delivered_ = std::max(delivered_, edition);
      report_.mutable_skipped()->DeleteSubrange(0, skips);
    }
    refused = absl::IsFailedPrecondition(status) && !refused_;
    refused_ |= refused;
    changed_.NotifyAll();
  }
  if (refused) on_refused_();
  if (!again) return;
  auto gate = gate_;  // through the timer: a coordinator that answers at once must not recurse
  timer_.RunAfter(Duration::zero(), [this, gate] {
    if (Gate::Pass pass(*gate); pass) Send();
  });
}

bool TaskReporter::Deliver(Duration patience) {
  const TimePoint until = timer_.Now() + patience;
  Send();
  MutexLock lock(mutex_);
  while (delivered_ < edition_ && !refused_) {
    if (!changed_.WaitUntil(mutex_, until)) break;
  }
  return delivered_ >= edition_;
}

}  // namespace paracord
