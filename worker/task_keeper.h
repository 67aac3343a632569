// The tasks of a worker daemon as child processes: starts what is wanted, sees each one die the
// moment it does, ends what is wanted no more. A task that has ended is not started again here; the
// scheduler asks for it under a new incarnation.
//
// One thread of its own forks and waits, and lives as long as the keeper: children die with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/timer.h"
#include "proto/coordinator.pb.h"
#include "worker/memory_kills.h"

namespace paracord {

class TaskKeeper {
 public:
  struct Options {
    std::string binary;     // of the tasks: this program
    std::string directory;  // logs/JOB/task-RANK.log and cache/ come below it
    std::string scheduler;
    std::string node;
    int threads = 1;                 // of each task
    double gpu_memory_fraction = 1;  // of each task on a GPU
  };
  struct Wanted {
    std::string job;
    uint32_t rank = 0;
    uint64_t incarnation = 0;
    std::string isa = {};              // ONEDNN_MAX_CPU_ISA
    std::optional<uint32_t> gpu = {};  // that it computes on; empty: on the CPU
  };
  // `on_change`: a process has started or ended; called on the keeper's thread.
  TaskKeeper(Options options, std::function<void()> on_change);
  ~TaskKeeper();  // kills what is left

  // All that is to run. What is not named is asked to end, and killed half a second later.
  void SetWanted(std::vector<Wanted> wanted);
  // What runs, and what has ended and is still named.
  std::vector<pb::TaskProcess> Processes();
  // Asks all to end, kills after `grace`; nothing is started any more. Returns when all have ended.
  void StopAll(Duration grace);

  static std::string LogPath(const std::string& directory, const std::string& job, uint32_t rank);

 private:
  using Key = std::tuple<std::string, uint32_t, uint64_t>;  // job, rank, incarnation
  struct Process {
    pid_t pid = 0;  // 0: has ended
    int pidfd = -1;
    int exit = 0;
    std::string log_tail;
    bool out_of_memory = false;
    bool asked = false;  // to end
    TimePoint kill_at;
  };

  void Run();
  void StartMissing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool DiedOfMemory(const Process& process) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Launch(const Wanted& wanted, Process& process);
  void EndUnwanted() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True: one has ended.
  bool Reap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake();

  const Options options_;
  const std::function<void()> on_change_;
  const int wake_;  // eventfd
  Mutex mutex_;
  CondVar changed_;
  std::vector<Wanted> wanted_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, Process> processes_ ABSL_GUARDED_BY(mutex_);
  MemoryKills memory_kills_ ABSL_GUARDED_BY(mutex_);
  Duration grace_ ABSL_GUARDED_BY(mutex_) = milliseconds(500);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The last `lines` lines of a file, at most 8 KiB; "" if there is none.
std::string TailOfFile(const std::string& path, int lines);

}  // namespace paracord
