#include "worker/task_process.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <new>
#include <optional>
#include <thread>

#include "absl/strings/numbers.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/remote_shard.h"
#include "worker/task.h"
#include "worker/tensor/device.h"

// tcmalloc's, where the program is linked with it: with 1 a malloc that fails throws as `new` does.
// The libraries' C code, for which null is the answer, does not look at it.
extern "C" int tc_set_new_mode(int flag) __attribute__((weak));

namespace paracord {
namespace {

struct CommandLine {
  Task::Options task;
  std::string scheduler;
  std::optional<GpuShare> gpu;  // empty: the task computes on the CPU
};

using Words = std::map<std::string, std::string>;

// False: there is one, and it is none.
bool ParseGpu(Words& words, CommandLine* out) {
  if (words["gpu"].empty()) return true;
  out->gpu.emplace();
  return absl::SimpleAtoi(words["gpu"], &out->gpu->index) && out->gpu->index >= 0 &&
         absl::SimpleAtod(words["gpu_memory_fraction"], &out->gpu->memory_fraction) &&
         out->gpu->memory_fraction > 0 && out->gpu->memory_fraction <= 1;
}

absl::StatusOr<CommandLine> Parse(int argc, char** argv) {
  Words words;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("found '", word, "', expected key=value"));
    }
    words[word.substr(0, equals)] = word.substr(equals + 1);
  }
  CommandLine out;
  out.task.job = words["job"];
  out.task.node = words["node"];
  out.task.cache_directory = words["cache"];
  out.scheduler = words["scheduler"];
  if (out.task.job.empty() || out.scheduler.empty() ||
      !absl::SimpleAtoi(words["rank"], &out.task.rank) ||
      !absl::SimpleAtoi(words["incarnation"], &out.task.incarnation) ||
      !absl::SimpleAtoi(words["threads"], &out.task.threads) || out.task.threads < 1 ||
      !ParseGpu(words, &out)) {
    return absl::InvalidArgumentError(
        "--task is for the worker daemon: expected job, rank, incarnation, threads, scheduler; "
        "of a GPU's task gpu, gpu_memory_fraction");
  }
  return out;
}

// Waits for SIGTERM for as long as the process lives; a second one ends it at once.
void StopOnSignal(const sigset_t& signals, Task& task) {
  std::thread([signals, &task] {
    int signal = 0;
    sigwait(&signals, &signal);
    LogInfo("stopping");
    task.Stop();
    sigwait(&signals, &signal);
    _exit(1);
  }).detach();
}

// When memory runs out, the kernel is to choose a task and not the daemon that starts it again.
// More may always be claimed; where it cannot be, nothing is lost but the preference.
void DieBeforeTheDaemon() {
  constexpr const char* kScore = "500";  // of 1,000
  std::ofstream("/proc/self/oom_score_adj") << kScore;
}

// An exception that nobody caught: std::bad_alloc on a thread that is not the trainer's. There is
// no memory to say it with.
[[noreturn]] void EndUncaught() {
  try {
    if (const std::exception_ptr exception = std::current_exception()) {
      std::rethrow_exception(exception);
    }
  } catch (const std::bad_alloc&) {
    constexpr char kMessage[] = "out of memory\n";
    (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
    _exit(kOutOfMemoryExit);
  } catch (const std::exception& exception) {
    (void)!write(STDERR_FILENO, exception.what(), std::strlen(exception.what()));
    (void)!write(STDERR_FILENO, "\n", 1);
  } catch (...) {
  }
  std::abort();
}

}  // namespace

int RunTaskProcess(int argc, char** argv) {
  const auto line = Parse(argc, argv);
  if (!line.ok()) {
    std::cerr << "paracord-worker: " << line.status().message() << "\n";
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  DieBeforeTheDaemon();
  std::set_terminate(EndUncaught);
  if (tc_set_new_mode != nullptr) tc_set_new_mode(1);
  SetLogName(absl::StrCat(line->task.node, "/", line->task.job, ".", line->task.rank));

  SystemTimer timer;
  const auto poller = std::make_shared<Poller>();
  const auto coordinator = MakeRemoteCoordinator(line->scheduler, poller);
  Task task(
      line->task, *coordinator, timer,
      [&](const pb::ShardRange& range) { return MakeRemoteShard(range.address(), poller); },
      [&] {
        return line->gpu ? OpenDevice(DeviceKind::kCuda, *line->gpu) : OpenDevice(DeviceKind::kCpu);
      });
  StopOnSignal(signals, task);
  const absl::Status status = task.Run();
  const bool failed = !status.ok() && !absl::IsCancelled(status);
  if (failed) {
    LogError(Describe(status));
  } else {
    LogInfo(status.ok() ? "done" : std::string(status.message()));
  }
  _exit(failed ? 1 : 0);  // what is open belongs to servers and the scheduler, and they know
}

}  // namespace paracord
