#include "worker/task_keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/base/child_process.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/task_process.h"

namespace paracord {
namespace {

constexpr int kTailLines = 20;
constexpr std::streamoff kTailBytes = 8192;
constexpr int kLongestPollMs = 200;  // deadlines of those asked to end

// (glibc 2.36 declares it for C alone.)
int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

std::string TailOfFile(const std::string& path, int lines) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  size_t begin = text.size();
  for (int i = 0; i <= lines && begin > 0; ++i) {
    const size_t newline = text.rfind('\n', begin - 1);
    begin = newline == std::string::npos ? 0 : newline;
  }
  if (begin > 0) ++begin;
  return text.substr(begin);
}

std::string TaskKeeper::LogPath(const std::string& directory, const std::string& job,
                                uint32_t rank) {
  return absl::StrCat(directory, "/logs/", job, "/task-", rank, ".log");
}

TaskKeeper::TaskKeeper(Options options, std::function<void()> on_change)
    : options_(std::move(options)),
      on_change_(std::move(on_change)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

TaskKeeper::~TaskKeeper() {
  StopAll(Duration::zero());
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  Wake();
  thread_.join();
  close(wake_);
}

void TaskKeeper::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof(one));
}

void TaskKeeper::SetWanted(std::vector<Wanted> wanted) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    wanted_ = std::move(wanted);
  }
  Wake();
}

void TaskKeeper::StopAll(Duration grace) {
  MutexLock lock(mutex_);
  stopping_ = true;
  grace_ = grace;
  wanted_.clear();
  Wake();
  const auto running = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const auto& entry) { return entry.second.pid != 0; });
  };
  while (running()) changed_.Wait(mutex_);
}

std::vector<pb::TaskProcess> TaskKeeper::Processes() {
  MutexLock lock(mutex_);
  std::vector<pb::TaskProcess> out;
  for (const auto& [key, process] : processes_) {
    pb::TaskProcess task;
    task.set_job(std::get<0>(key));
    task.set_rank(std::get<1>(key));
    task.set_incarnation(std::get<2>(key));
    task.set_pid(process.pid);
    task.set_exited(process.pid == 0);
    task.set_exit(process.exit);
    task.set_log_tail(process.log_tail);
    task.set_out_of_memory(process.out_of_memory);
    out.push_back(std::move(task));
  }
  return out;
}

void TaskKeeper::Run() {
  while (true) {
    std::vector<pollfd> waits = {{wake_, POLLIN, 0}};
    {
      MutexLock lock(mutex_);
      if (closing_) return;
      for (const auto& [key, process] : processes_) {
        if (process.pid != 0) waits.push_back({process.pidfd, POLLIN, 0});
      }
    }
    poll(waits.data(), waits.size(), kLongestPollMs);
    uint64_t ignored;
    (void)!read(wake_, &ignored, sizeof(ignored));
    bool changed;
    {
      MutexLock lock(mutex_);
      const size_t before = processes_.size();
      changed = Reap();
      EndUnwanted();
      if (!stopping_) StartMissing();
      changed |= before != processes_.size();
      changed_.NotifyAll();
    }
    if (changed) on_change_();
  }
}

// Its own word for it, or the kernel's.
bool TaskKeeper::DiedOfMemory(const Process& process) {
  if (process.exit == kOutOfMemoryExit) return true;
  return process.exit == 128 + SIGKILL && memory_kills_.Explains(Clock::now());
}

bool TaskKeeper::Reap() {
  memory_kills_.Look(Clock::now());
  bool changed = false;
  for (auto& [key, process] : processes_) {
    int status = 0;
    if (process.pid == 0 || waitpid(process.pid, &status, WNOHANG) != process.pid) continue;
    process.exit = ExitNumber(status);
    process.out_of_memory = DiedOfMemory(process);
    process.log_tail =
        TailOfFile(LogPath(options_.directory, std::get<0>(key), std::get<1>(key)), kTailLines);
    LogInfo("task ", std::get<0>(key), ".", std::get<1>(key), ", pid ", process.pid,
            ", ended with ", process.exit, process.out_of_memory ? ": out of memory" : "");
    process.pid = 0;
    close(process.pidfd);
    changed = true;
  }
  return changed;
}

void TaskKeeper::EndUnwanted() {
  const auto is_wanted = [this](const Key& key) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::any_of(wanted_.begin(), wanted_.end(),
                       [&](const Wanted& w) { return Key(w.job, w.rank, w.incarnation) == key; });
  };
  const TimePoint now = Clock::now();
  for (auto it = processes_.begin(); it != processes_.end();) {
    Process& process = it->second;
    if (is_wanted(it->first)) {
      ++it;
      continue;
    }
    if (process.pid == 0) {
      it = processes_.erase(it);
      continue;
    }
    if (!process.asked) {
      process.asked = true;
      process.kill_at = now + grace_;
      kill(process.pid, SIGTERM);
    }
    if (now >= process.kill_at) kill(process.pid, SIGKILL);
    ++it;
  }
}

void TaskKeeper::StartMissing() {
  for (const Wanted& wanted : wanted_) {
    const Key key(wanted.job, wanted.rank, wanted.incarnation);
    if (processes_.count(key) == 0) Launch(wanted, processes_[key]);
  }
}

void TaskKeeper::Launch(const Wanted& wanted, Process& process) {
  const std::string log = LogPath(options_.directory, wanted.job, wanted.rank);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(log).parent_path(), error);
  std::vector<std::string> command = {options_.binary,
                                      "--task",
                                      absl::StrCat("job=", wanted.job),
                                      absl::StrCat("rank=", wanted.rank),
                                      absl::StrCat("incarnation=", wanted.incarnation),
                                      absl::StrCat("scheduler=", options_.scheduler),
                                      absl::StrCat("node=", options_.node),
                                      absl::StrCat("cache=", options_.directory, "/cache"),
                                      absl::StrCat("threads=", options_.threads)};
  if (wanted.gpu) {
    command.push_back(absl::StrCat("gpu=", *wanted.gpu));
    command.push_back(absl::StrCat("gpu_memory_fraction=", options_.gpu_memory_fraction));
  }
  std::vector<std::string> environment = {"OMP_NUM_THREADS=1"};
  if (!wanted.isa.empty()) environment.push_back(absl::StrCat("ONEDNN_MAX_CPU_ISA=", wanted.isa));
  const auto pid = StartChild(command, log, SIGKILL, environment);
  process.pidfd = pid.ok() ? OpenPidfd(*pid) : -1;
  if (!pid.ok()) {
    process.exit = 1;
    process.log_tail = std::string(pid.status().message());
    LogError("cannot start a task: ", Describe(pid.status()));
    return;
  }
  process.pid = *pid;
  LogInfo("task ", wanted.job, ".", wanted.rank, " started, pid ", *pid);
}

}  // namespace paracord
