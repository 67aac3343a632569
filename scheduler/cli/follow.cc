#include "scheduler/cli/follow.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"

namespace paracord {
namespace {

constexpr milliseconds kAskEvery{200};
constexpr seconds kPrintEvery{3};

class ProgressLine {
 public:
  explicit ProgressLine(std::ostream& out) : out_(out), terminal_(isatty(STDERR_FILENO) == 1) {}

  void Show(const pb::JobStatus& status) {
    if (HasEnded(status.state())) return;  // its result has a line of its own
    const TimePoint now = Clock::now();
    const std::string text = ProgressText(status, eta_.Update(status, now));
    if (terminal_) {
      out_ << "\r\033[K" << text << std::flush;
    } else if (now >= next_ && text != last_) {
      out_ << text << std::endl;
      next_ = now + kPrintEvery;
      last_ = text;
    }
  }
  void Close() {
    if (terminal_) out_ << "\r\033[K" << std::flush;
  }

 private:
  std::ostream& out_;
  const bool terminal_;
  EtaEstimate eta_;
  TimePoint next_;
  std::string last_;
};

}  // namespace

double EtaEstimate::Update(const pb::JobStatus& status, TimePoint now) {
  if (status.state() != pb::RUNNING || status.step() == 0) return -1;
  // Going back to a checkpoint begins anew.
  if (!begun_ || status.step() < first_step_) {
    begun_ = true;
    first_step_ = status.step();
    first_seen_ = now;
  }
  const double done = static_cast<double>(status.step() - first_step_);
  const double elapsed = std::chrono::duration<double>(now - first_seen_).count();
  if (done <= 0 || elapsed <= 0 || status.steps() < status.step()) return -1;
  return static_cast<double>(status.steps() - status.step()) * elapsed / done;
}

absl::StatusOr<pb::JobStatus> FollowJob(SchedulerClient& scheduler, const std::string& id,
                                        TimePoint until,
                                        const std::function<void(const pb::JobStatus&)>& show) {
  while (true) {
    ASSIGN_OR_RETURN(const pb::GetJobReply reply,
                     scheduler.GetJob(id, std::min(until, Clock::now() + kRidePatience)));
    show(reply.status());
    if (HasEnded(reply.status().state())) return reply.status();
    if (Clock::now() >= until) {
      return absl::DeadlineExceededError(absl::StrCat(id, " is still ",
                                                      pb::JobState_Name(reply.status().state()),
                                                      " at step ", reply.status().step()));
    }
    Pause(std::clamp<Duration>(until - Clock::now(), milliseconds(1), kAskEvery));
  }
}

int FollowToEnd(const Context& context, SchedulerClient& scheduler, const std::string& id) {
  ProgressLine line(context.err);
  const auto ended = FollowJob(scheduler, id, DeadlineAfter(Duration(-1)),
                               [&](const pb::JobStatus& status) { line.Show(status); });
  line.Close();
  if (!ended.ok()) return FailTimed(context, ended.status());
  context.err << ResultText(*ended) << std::flush;
  if (context.json) PrintJson(context, JobJson(*ended));
  return ExitCodeOfJob(*ended);
}

int ExitCodeOfJob(const pb::JobStatus& status) {
  return status.state() == pb::SUCCEEDED ? kOk : kFailed;
}

}  // namespace paracord
