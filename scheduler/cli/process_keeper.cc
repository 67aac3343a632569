#include "scheduler/cli/process_keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "common/base/log.h"
#include "scheduler/cli/subprocess.h"

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

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void BecomeProgram(char* const* arguments, int log, pid_t parent) {
  for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGCHLD}) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it died before prctl
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  constexpr char kMessage[] = "cannot be executed\n";
  (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(127);
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
  const int log = open(process.spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    LogError(process.spec.log, ": ", std::strerror(errno));
    return;
  }
  const std::vector<char*> arguments = ArgumentPointers(process.spec.command);
  const pid_t parent = getpid();
  // Until the child is itself, no signal may run a handler of ours in it.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(arguments.data(), log, parent);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  close(log);
  if (pid < 0) {
    LogError("fork: ", std::strerror(errno));
    return;
  }
  process.pid = pid;
  LogInfo(process.spec.name, " started, pid ", pid);
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
