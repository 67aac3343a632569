#include "scheduler/task_reports.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "common/job/sampler.h"
#include "scheduler/compute_class.h"
#include "scheduler/crashes.h"
#include "scheduler/evaluations.h"
#include "scheduler/skipped_steps.h"

namespace paracord {
namespace {

constexpr Duration kBackupPause = seconds(10);
constexpr Duration kExitTime = seconds(2);  // from a task's last words to its end
constexpr size_t kMaxLogTail = 16 << 10;

std::string Tail(const std::string& log) {
  return log.size() <= kMaxLogTail ? log : log.substr(log.size() - kMaxLogTail);
}

absl::Status CheckFence(const Job& job, const pb::TaskReport& report) {
  const pb::TaskSlot* slot = job.FindSlot(report.rank());
  const bool named = slot != nullptr && slot->incarnation() == report.incarnation() &&
                     !job.TaskIs(report.rank(), kTaskLost);
  if (named) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("plan ", job.plan().number(), " of ", job.id(),
                                                    " does not name task ", report.rank(),
                                                    "'s incarnation ", report.incarnation()));
}

absl::Status CheckNumbers(const pb::TaskReport& report) {
  if (report.train_samples() <= kMostSamples) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("found train_samples ", report.train_samples(),
                                                 ", expected at most ", kMostSamples));
}

void FailTask(Job& job, uint32_t rank, const std::string& code, const std::string& message,
              Moment now) {
  pb::Failure failure = MakeFailure(code, message, job.task(rank).node());
  failure.set_rank(static_cast<int32_t>(rank));
  job.Fail(failure, now);
}

void CheckFiles(Job& job, const pb::TaskReport& report, Moment now) {
  const std::string& node = job.task(report.rank()).node();
  for (const pb::FileIdentity& file : report.files()) {
    const auto known = std::find_if(job.record.files().begin(), job.record.files().end(),
                                    [&](const auto& other) { return other.path() == file.path(); });
    if (known == job.record.files().end()) {
      *job.record.add_files() = file;
      if (job.record.files_node().empty()) job.record.set_files_node(node);
      job.must_save = true;
    } else if (known->sha256() != file.sha256() || known->bytes() != file.bytes()) {
      FailTask(job, report.rank(), "DataLoss",
               absl::StrCat(file.path(), " is not the same file on all hosts: ", known->bytes(),
                            " bytes, sha256 ", known->sha256(), " on ", job.record.files_node(),
                            "; ", file.bytes(), " bytes, sha256 ", file.sha256(), " on ", node),
               now);
      return;
    }
  }
}

void CheckCompute(Job& job, const pb::TaskReport& report, Moment now) {
  if (!report.has_compute()) return;
  const std::string found = ClassString(report.compute());
  const std::string planned = ClassString(job.plan().compute());
  if (found == planned) return;
  FailTask(job, report.rank(), "FailedPrecondition",
           absl::StrCat(job.TaskName(report.rank()), " computes as ", found, ", the job's plan as ",
                        planned),
           now);
}

bool SameMetrics(const pb::JobStatus& status, const pb::TaskReport& report) {
  return std::equal(status.metrics().begin(), status.metrics().end(), report.metrics().begin(),
                    report.metrics().end(), [](const pb::Metric& a, const pb::Metric& b) {
                      const bool same = a.value() == b.value() ||
                                        (std::isnan(a.value()) && std::isnan(b.value()));
                      return a.name() == b.name() && same;
                    });
}

void TakeProgress(Job& job, const pb::TaskReport& report) {
  pb::JobStatus* status = job.record.mutable_status();
  if (report.step() > status->step()) job.progressed = true;
  status->set_step(std::max(status->step(), report.step()));
  if (report.has_skipped_steps() && report.step() == status->step()) {
    status->set_skipped_steps(report.skipped_steps());
  }
  if (report.has_loss()) {
    status->set_has_loss(true);
    status->set_loss(report.loss());
  }
  if (report.metrics_size() > 0 && !SameMetrics(*status, report)) {
    *status->mutable_metrics() = report.metrics();
    job.must_save = true;
  }
  if (report.step_samples() > 0 && std::isfinite(report.step_seconds()) &&
      report.step_seconds() > 0) {
    status->set_samples_per_second(static_cast<double>(report.step_samples()) /
                                   report.step_seconds());
  }
}

void TakeTaskState(Job& job, const pb::TaskReport& report, Moment now) {
  pb::TaskStatus& task = job.task(report.rank());
  task.set_step(report.step());
  task.set_busy(report.busy());
  if (report.has_wait()) {
    job.task_waits[report.rank()] = report.wait();
    if (report.wait().who().empty()) {
      job.task_waits[report.rank()].set_who(job.TaskName(report.rank()));
    }
  } else {
    job.task_waits.erase(report.rank());
  }
  if (task.state() == kTaskStarting) {
    task.set_state(kTaskRunning);
    job.progressed = true;
  }
  if (report.done() && task.state() != kTaskDone) {
    task.set_state(kTaskDone);
    job.Note(absl::StrCat(job.TaskName(report.rank()), " is done"), now);
  }
  pb::JobStatus* status = job.record.mutable_status();
  if (report.steps() > 0 && status->steps() != report.steps()) {
    status->set_steps(report.steps());
    job.must_save = true;
  }
  if (report.train_samples() > 0 && job.record.train_samples() != report.train_samples()) {
    job.record.set_train_samples(report.train_samples());
    job.must_save = true;
  }
}

// A backup is nobody's failure: the job goes on without it, and does not start another one at once.
void LoseBackup(Job& job, uint32_t rank, const std::string& why, bool ended, Moment now) {
  job.backups_at = now.at + kBackupPause;
  job.Lose(rank, {"TaskExited", why, -1, "", false, ended}, now);
}

// The task is about to exit; its exit code and last lines come with its worker's heartbeat.
void RecordFailure(Job& job, const pb::TaskReport& report, Moment now) {
  if (job.FindSlot(report.rank())->backup()) {
    const std::string name = job.TaskName(report.rank());
    return LoseBackup(job, report.rank(),
                      absl::StrCat(name, ", a backup, failed: ", report.failure().message()), false,
                      now);
  }
  if (job.status().has_first_failure()) return;
  pb::Failure failure = report.failure();
  failure.set_node(job.task(report.rank()).node());
  failure.set_rank(static_cast<int32_t>(report.rank()));
  failure.set_exit(-1);
  failure.set_log_tail(Tail(failure.log_tail()));
  *job.record.mutable_status()->mutable_first_failure() = failure;
  job.fail_at = now.at + kExitTime;
  job.Note(absl::StrCat(job.TaskName(report.rank()), " failed: ", failure.message()), now);
}

// True: this exit is the one that the recorded failure announced, or a follow-up of it.
bool CompletesFailure(Job& job, const pb::TaskProcess& process, Moment now) {
  if (!job.status().has_first_failure()) return false;
  pb::Failure* first = job.record.mutable_status()->mutable_first_failure();
  if (first->rank() != static_cast<int32_t>(process.rank())) return true;
  first->set_exit(process.exit());
  if (first->log_tail().empty()) first->set_log_tail(Tail(process.log_tail()));
  job.Fail(*first, now);
  return true;
}

// An end that starting the task again cannot mend.
void FailByExit(Job& job, const pb::TaskProcess& process, const std::string& code,
                const std::string& text, Moment now) {
  pb::Failure failure = MakeFailure(code, text, job.task(process.rank()).node());
  failure.set_rank(static_cast<int32_t>(process.rank()));
  failure.set_exit(process.exit());
  failure.set_log_tail(Tail(process.log_tail()));
  job.Fail(failure, now);
}

void TakeExit(Job& job, const pb::TaskProcess& process, bool leaving, Moment now) {
  if (CompletesFailure(job, process, now)) return;
  const std::string text = ExitString(job, process);
  if (job.FindSlot(process.rank())->backup()) {
    return LoseBackup(job, process.rank(), text, true, now);
  }
  const bool by_signal = process.exit() >= kFirstSignal;
  const bool drained = process.exit() == 0 || (leaving && by_signal);
  if (!drained && IsLastCrash(job, process)) {
    return FailByExit(
        job, process, "TaskExited",
        absl::StrCat(text, " at step ", job.record.crash_step(),
                     ", where tasks of this job have crashed ", job.record.crashes(), " times"),
        now);
  }
  if (drained || by_signal) {
    job.Lose(process.rank(),
             {"TaskExited", text, process.exit(), Tail(process.log_tail()), !drained, true}, now);
    return;
  }
  FailByExit(job, process, process.out_of_memory() ? "ResourceExhausted" : "TaskExited", text, now);
}

void LoseTasksOfGoneWorkers(Job& job, const Membership& members, Moment now) {
  std::set<std::string> counted;
  const pb::Plan plan = job.plan();  // a failing job clears its own
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (!job.training()) return;
    if (job.TaskIs(slot.rank(), kTaskLost) || job.TaskIs(slot.rank(), kTaskDone)) continue;
    if (members.PresenceOf(slot.worker(), slot.worker_incarnation()) !=
        Membership::Presence::kGone) {
      continue;
    }
    const KnownMember* worker = members.Find(slot.worker());
    const bool left = worker != nullptr && worker->state == KnownMember::State::kLeft &&
                      worker->who.incarnation() == slot.worker_incarnation();
    const bool first = !slot.backup() && counted.insert(slot.worker()).second;
    job.Lose(slot.rank(),
             {"WorkerLost",
              absl::StrCat(job.TaskName(slot.rank()), " was lost: ", slot.worker(),
                           left ? " stopped" : " is gone"),
              -1, "", first && !left, false},
             now);
  }
}

// Backups are not waited for: what they compute is computed already.
bool AllDone(const Job& job) {
  for (const pb::TaskSlot& slot : job.plan().tasks()) {
    if (!slot.backup() && !job.TaskIs(slot.rank(), kTaskDone)) return false;
  }
  return true;
}

}  // namespace

absl::Status TakeTaskReport(Job& job, const pb::TaskReport& report, Moment now) {
  RETURN_IF_ERROR(CheckFence(job, report));
  RETURN_IF_ERROR(CheckNumbers(report));
  CheckFiles(job, report, now);
  if (job.running()) CheckCompute(job, report, now);
  if (!job.running()) return CheckFence(job, report);
  // Of steps that the job has gone back from.
  const bool undone = report.history() > 0 && report.history() < job.plan().history();
  if (!undone) {
    TakeTaskState(job, report, now);
    TakeEvaluations(job, report, now);
    job.tuning.pace.Add(report.rank(), report.incarnation(), report.busy_seconds(), report.slices(),
                        now.at);
    if (job.IsSpeaker(report.rank())) TakeProgress(job, report);
    NoteReportedStep(job, report);
    NoteSkippedSteps(job, report, now);
  }
  if (report.has_failure() && !report.failure().code().empty()) RecordFailure(job, report, now);
  return absl::OkStatus();
}

void TakeTaskProcess(Job& job, const pb::TaskProcess& process, const KnownMember& worker,
                     Moment now) {
  const pb::TaskSlot* slot = job.FindSlot(process.rank());
  const bool named = slot != nullptr && slot->worker() == worker.name() &&
                     slot->worker_incarnation() == worker.who.incarnation() &&
                     slot->incarnation() == process.incarnation();
  if (!named || job.TaskIs(process.rank(), kTaskLost)) return;
  job.task(process.rank()).set_pid(process.exited() ? 0 : process.pid());
  if (!process.exited()) return;
  if (job.TaskIs(process.rank(), kTaskDone)) {  // its slot is for one that was lost meanwhile
    job.exited[process.rank()] = process.incarnation();
    return;
  }
  TakeExit(job, process, worker.report.leaving(), now);
}

void TakeSlotsBack(Job& job, const KnownMember& worker) {
  std::erase_if(job.leaving, [&](const Leaving& leaving) {
    if (leaving.place.worker != worker.name()) return false;
    const auto& tasks = worker.report.tasks();
    return std::none_of(tasks.begin(), tasks.end(), [&](const pb::TaskProcess& process) {
      return !process.exited() && process.job() == job.id() && process.rank() == leaving.rank &&
             process.incarnation() == leaving.incarnation;
    });
  });
}

void CheckTasks(Job& job, const Membership& members, Moment now) {
  std::erase_if(job.leaving, [&](const Leaving& leaving) { return leaving.until <= now.at; });
  if (job.running() && job.status().has_first_failure() && now.at >= job.fail_at) {
    job.Fail(job.status().first_failure(), now);
  }
  if (!job.training()) return;
  LoseTasksOfGoneWorkers(job, members, now);
  if (job.training() && !job.status().has_first_failure() && AllDone(job)) job.Finish(now);
}

}  // namespace paracord
