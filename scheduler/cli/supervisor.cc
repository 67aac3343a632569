#include "scheduler/cli/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>
#include <thread>
#include <utility>

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/timer.h"
#include "scheduler/cli/process_keeper.h"

namespace paracord {
namespace {

// The supervisor's own life, after the fork. One thread.
class Supervisor {
 public:
  Supervisor(const LocalCluster& cluster, std::string binaries)
      : cluster_(cluster), binaries_(std::move(binaries)) {}

  void Run() {
    BlockSignals();
    StartDaemons();
    while (!stopping_) Turn();
    LogInfo("stopping");
    keeper_.Stop("worker", kDaemonGrace);
    keeper_.Stop("server", kDaemonGrace);
    keeper_.Stop("scheduler", kDaemonGrace);
    LogInfo("stopped");
  }

 private:
  void BlockSignals() {
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&signals_);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals_, number);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }

  // Sleeps until a signal, 50 ms at most, and tends the daemons.
  void Turn() {
    const timespec most = {0, 50'000'000};
    const int number = sigtimedwait(&signals_, nullptr, &most);
    if (number == SIGTERM || number == SIGINT) {
      stopping_ = true;
    } else {
      keeper_.Tend();
    }
  }

  void StartDaemons() {
    const LocalMember scheduler = cluster_.Scheduler();
    keeper_.Start(Spec(scheduler, [this, scheduler] {
      if (!WrittenAddress(scheduler).empty()) Configure(scheduler, "", false);
    }));
    while (!stopping_ && WrittenAddress(scheduler).empty()) Turn();
    if (stopping_) return;
    const std::string address = WrittenAddress(scheduler);
    for (const LocalMember& member : cluster_.Others()) {
      keeper_.Start(Spec(member, [this, member, address] { Configure(member, address, true); }));
    }
  }

  ProcessSpec Spec(const LocalMember& member, std::function<void()> prepare) const {
    const std::string program = absl::StrCat(binaries_, "/paracord-", member.role);
    return {member.name, {program, "--config", member.ConfigPath()}, member.LogPath(), prepare};
  }

  void Configure(const LocalMember& member, const std::string& scheduler, bool free_port_if_taken) {
    const absl::Status status = cluster_.Configure(member, scheduler, free_port_if_taken);
    if (!status.ok()) LogError(member.name, ": ", std::string(status.message()));
  }

  const LocalCluster& cluster_;
  const std::string binaries_;
  ProcessKeeper keeper_;
  sigset_t signals_;
  bool stopping_ = false;
};

// The scheduler's configuration for its first start. The address of an earlier life goes: the one
// it writes now counts.
absl::Status PrepareScheduler(const LocalCluster& cluster) {
  const LocalMember scheduler = cluster.Scheduler();
  RETURN_IF_ERROR(cluster.Configure(scheduler, "", /*free_port_if_taken=*/true));
  std::error_code ignored;
  std::filesystem::remove(scheduler.AddressPath(), ignored);
  return absl::OkStatus();
}

// Leaves the caller's session, terminal and folder.
void Detach(const LocalCluster& cluster) {
  setsid();
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int log = open(cluster.LogPath().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(null, STDIN_FILENO);
  dup2(log < 0 ? null : log, STDOUT_FILENO);
  dup2(log < 0 ? null : log, STDERR_FILENO);
  (void)!chdir(cluster.directory().c_str());
}

}  // namespace

absl::StatusOr<pid_t> ForkSupervisor(const LocalCluster& cluster, const std::string& binaries,
                                     DirectoryLock lock) {
  RETURN_IF_ERROR(PrepareScheduler(cluster));
  std::error_code ignored;
  std::filesystem::remove(SupervisorPidPath(cluster.directory()), ignored);
  std::cout << std::flush;
  const pid_t pid = fork();
  if (pid < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) {
    Detach(cluster);
    SetLogName("supervisor");
    Supervisor(cluster, binaries).Run();
    std::filesystem::remove(SupervisorPidPath(cluster.directory()), ignored);
    _exit(0);  // the lock goes with the process
  }
  const absl::Status written =
      WriteFileAtomically(SupervisorPidPath(cluster.directory()), absl::StrCat(pid, "\n"));
  if (!written.ok()) {
    kill(pid, SIGTERM);
    return written;
  }
  return pid;
}

absl::Status StopSupervisor(const std::string& directory) {
  const TimePoint until = Clock::now() + kStopLimit;
  bool asked = false;
  while (DirectoryLock::Held(directory)) {
    const auto pid = SupervisorPid(directory);
    if (!asked && pid.has_value()) asked = kill(*pid, SIGTERM) == 0;
    if (Clock::now() >= until) {
      return absl::DeadlineExceededError(
          absl::StrCat("the cluster in ", directory, " has not stopped; its supervisor ",
                       pid.has_value() ? absl::StrCat("is pid ", *pid) : "is not known"));
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  return absl::OkStatus();
}

}  // namespace paracord
