#include "scheduler/crashes.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

bool IsCrash(int exit) {
  switch (exit - kFirstSignal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
      return true;
    default:
      return false;
  }
}

// "11 (SIGSEGV)"; the number alone, if it has no name here.
std::string SignalString(int signal) {
  const char* name = signal > 0 && signal < NSIG ? sigabbrev_np(signal) : nullptr;
  return name == nullptr ? absl::StrCat(signal) : absl::StrCat(signal, " (SIG", name, ")");
}

}  // namespace

std::string ExitString(const Job& job, const pb::TaskProcess& process) {
  const std::string name = job.TaskName(process.rank());
  const int signal = process.exit() - kFirstSignal;
  if (signal < 0) {
    return absl::StrCat(name, " exited with code ", process.exit(),
                        process.out_of_memory() ? ": out of memory" : "");
  }
  if (process.out_of_memory()) {
    return absl::StrCat(name, " was killed by signal ", signal, ": out of memory");
  }
  return absl::StrCat(name, " was killed by signal ", SignalString(signal));
}

bool IsLastCrash(Job& job, const pb::TaskProcess& process) {
  if (!IsCrash(process.exit())) return false;
  const uint64_t step = job.status().step();
  const bool again = job.record.crashes() > 0 && job.record.crash_step() == step;
  job.record.set_crash_step(step);
  job.record.set_crashes(again ? job.record.crashes() + 1 : 1);
  job.crashed_rank = process.rank();
  job.must_save = true;
  return job.record.crashes() >= kMostCrashes;
}

void NoteReportedStep(Job& job, const pb::TaskReport& report) {
  if (!job.crashed_rank) return;
  if (job.FindSlot(*job.crashed_rank) == nullptr) return job.crashed_rank.reset();
  const bool begins = report.rank() == *job.crashed_rank && report.history() > 0;
  if (!begins) return;
  // The job's step comes with reports too, so that at the crash it may have been an older one.
  const uint64_t step = std::max(job.status().step(), report.step());
  job.record.mutable_status()->set_step(step);
  job.must_save |= step != job.record.crash_step();
  job.record.set_crash_step(step);
  job.crashed_rank.reset();
}

}  // namespace paracord
