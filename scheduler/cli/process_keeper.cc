#include "scheduler/cli/process_keeper.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "common/base/child_process.h"
#include "common/base/log.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr seconds kLongRun{1};
constexpr int kFreeRestarts = 4;
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5000};

Duration PauseAfter(int quick_deaths) {
  if (quick_deaths <= kFreeRestarts) return Duration::zero();
  const int doublings = std::min(quick_deaths - kFreeRestarts - 1, 10);
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

void ProcessKeeper::Start(ProcessSpec spec) {
  processes_.emplace_back();
  processes_.back().spec = std::move(spec);
  Launch(processes_.back());
}

void ProcessKeeper::Launch(Process& process) {
  if (process.spec.prepare) process.spec.prepare();
  process.started = Clock::now();
  process.due = process.started + kLongRun;  // if it cannot even be forked
  const auto pid = StartChild(process.spec.command, process.spec.log, SIGTERM);
  if (!pid.ok()) {
    LogError(process.spec.name, ": ", Describe(pid.status()));
    return;
  }
  process.pid = *pid;
  LogInfo(process.spec.name, " started, pid ", *pid);
}

void ProcessKeeper::Reap(Process& process) {
  int status = 0;
  if (process.pid == 0 || waitpid(process.pid, &status, WNOHANG) != process.pid) return;
  const TimePoint now = Clock::now();
  process.quick_deaths = now - process.started >= kLongRun ? 0 : process.quick_deaths + 1;
  process.due = now + PauseAfter(process.quick_deaths);
  LogWarning(process.spec.name, ", pid ", process.pid, ", ended with ", ExitNumber(status));
  process.pid = 0;
}

void ProcessKeeper::Tend() {
  for (Process& process : processes_) {
    Reap(process);
    if (process.pid == 0 && Clock::now() >= process.due) Launch(process);
  }
}

void ProcessKeeper::Stop(const std::string& prefix, Duration grace) {
  std::list<Process> stopping;
  for (auto it = processes_.begin(); it != processes_.end();) {
    const auto next = std::next(it);
    if (StartsWith(it->spec.name, prefix)) stopping.splice(stopping.end(), processes_, it);
    it = next;
  }
  const auto signal_all = [&](int signal) {
    for (const Process& process : stopping) {
      if (process.pid != 0) kill(process.pid, signal);
    }
  };
  signal_all(SIGTERM);
  const TimePoint until = Clock::now() + grace;
  bool killed = false;
  while (true) {
    for (Process& process : stopping) Reap(process);
    std::erase_if(stopping, [](const Process& process) { return process.pid == 0; });
    if (stopping.empty()) return;
    if (!killed && Clock::now() >= until) {
      LogWarning("not stopped in time: killing ", stopping.front().spec.name);
      signal_all(SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
}

pid_t ProcessKeeper::pid(const std::string& name) const {
  for (const Process& process : processes_) {
    if (process.spec.name == name) return process.pid;
  }
  return 0;
}

}  // namespace paracord
