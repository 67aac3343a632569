// A worker daemon inside the test's process. Its "child processes" are Task objects on threads of
// their own, each with a timer and a wire; killing one cuts its wire, so that the cluster sees a
// process that has ended in the middle of whatever it did.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "common/base/daemon.h"
#include "common/base/mutex.h"
#include "common/rpc/member.h"
#include "tests/support/fake_gpu.h"
#include "tests/support/wire.h"
#include "worker/gpu_offer.h"
#include "worker/task.h"
#include "worker/tensor/compute_class.h"

namespace paracord {

// What a process sees of the others.
struct Outside {
  std::shared_ptr<Wire> wire;
  std::shared_ptr<Coordinator> coordinator;
  ParameterClient::Connect connect;
};

class MiniWorker {
 public:
  struct Options {
    std::string name;
    uint32_t slots = 1;
    int threads = 1;  // of each task
    int gpus = 0;     // fake ones, each with `gpu_slots` slots
    uint32_t gpu_slots = 1;
  };
  // `outside` makes what one more process sees of the others.
  MiniWorker(const Options& options, std::function<Outside()> outside);
  ~MiniWorker();

  const std::string& name() const { return options_.name; }
  // Kills the task's newest process, if it lives. From any thread, also from the task's own.
  bool Kill(const std::string& job, uint32_t rank);
  // Its host is taken from the cluster, and the tasks there die with it.
  void Leave();
  // Processes that there have ever been of this task.
  size_t Starts(const std::string& job, uint32_t rank);

 private:
  using Key = std::tuple<std::string, uint32_t, uint64_t>;  // job, rank, incarnation
  struct Process {
    Process(const Task::Options& options, Outside out, Task::Open open)
        : outside(std::move(out)),
          task(options, *outside.coordinator, timer, outside.connect, std::move(open)) {}
    const Outside outside;
    SystemTimer timer;
    Task task;
    bool wanted = true, killed = false, exited = false;
    int exit = 0;
    std::thread thread;
  };

  pb::JoinRequest Self() const;
  void Adopt(const pb::WatchReply& reply);
  void Launch(const Key& key, bool on_gpu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Ended(Process& process, const absl::Status& status);
  void FillHeartbeat(pb::HeartbeatRequest* heartbeat);
  void Report();

  const Options options_;
  const std::function<Outside()> outside_;
  const uint64_t incarnation_ = RandomId();
  const Outside self_;
  SystemTimer timer_;
  Mutex mutex_;
  std::map<Key, std::unique_ptr<Process>> processes_ ABSL_GUARDED_BY(mutex_);  // the dead too
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Member> member_;
  std::atomic<Member*> reporting_{nullptr};  // set while `member_` may be asked to report
};

inline MiniWorker::MiniWorker(const Options& options, std::function<Outside()> outside)
    : options_(options), outside_(std::move(outside)), self_(outside_()) {
  Member::Callbacks callbacks;
  callbacks.fill_join = [](pb::JoinRequest*) {};
  callbacks.fill_heartbeat = [this](pb::HeartbeatRequest* h) { FillHeartbeat(h); };
  callbacks.on_assignments = [this](const pb::WatchReply& reply) { Adopt(reply); };
  member_ = std::make_unique<Member>(*self_.coordinator, timer_, Self(), callbacks);
  reporting_.store(member_.get());
}

inline MiniWorker::~MiniWorker() {
  std::map<Key, std::unique_ptr<Process>> processes;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (auto& [key, process] : processes_) {
      process->outside.wire->Cut();
      process->task.Stop();
    }
    processes.swap(processes_);
  }
  for (auto& [key, process] : processes) process->thread.join();
  reporting_.store(nullptr);
  member_.reset();
}

inline pb::JoinRequest MiniWorker::Self() const {
  const ComputeClass compute = CpuComputeClass();
  pb::JoinRequest self;
  self.set_role(pb::WORKER);
  self.set_name(options_.name);
  self.set_identity("the directory of " + options_.name);
  self.set_incarnation(incarnation_);
  self.set_address(options_.name);
  self.set_pid(getpid());
  self.set_slots(options_.slots);
  self.mutable_compute()->set_device(compute.device);
  self.mutable_compute()->set_isa(compute.isa);
  self.mutable_compute()->set_library(compute.library);
  const auto find = [this]() -> absl::StatusOr<std::vector<GpuInfo>> {
    if (options_.gpus == 0) return absl::NotFoundError("no fake GPU");
    return FakeGpus(options_.gpus);
  };
  PARACORD_CHECK(OfferGpus(GpuChoice(), 1.0 / options_.gpu_slots, find, &self).ok());
  return self;
}

inline void MiniWorker::Adopt(const pb::WatchReply& reply) {
  std::map<Key, bool> wanted;  // on a GPU
  for (const pb::Assignment& assignment : reply.assignments()) {
    for (const pb::TaskSlot& slot : assignment.plan().tasks()) {
      if (slot.worker() != options_.name || slot.worker_incarnation() != incarnation_) continue;
      wanted[{assignment.job().id(), slot.rank(), slot.incarnation()}] = slot.has_gpu();
    }
  }
  MutexLock lock(mutex_);
  if (stopping_) return;
  for (auto& [key, process] : processes_) {
    if (wanted.count(key) > 0 || !process->wanted) continue;
    process->wanted = false;
    if (!process->exited) process->task.Stop();
  }
  for (const auto& [key, on_gpu] : wanted) {
    if (processes_.count(key) == 0) Launch(key, on_gpu);
  }
}

inline void MiniWorker::Launch(const Key& key, bool on_gpu) {
  Task::Options options;
  std::tie(options.job, options.rank, options.incarnation) = key;
  options.threads = options_.threads;
  options.node = options_.name;
  auto& process = processes_[key] = std::make_unique<Process>(options, outside_(), [on_gpu] {
    if (!on_gpu) return OpenDevice(DeviceKind::kCpu);
    return absl::StatusOr<std::unique_ptr<Device>>(std::make_unique<FakeGpu>());
  });
  process->thread = std::thread([this, p = process.get()] { Ended(*p, p->task.Run()); });
}

inline void MiniWorker::Ended(Process& process, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    process.exited = true;
    process.exit = process.killed ? 137 : status.ok() || absl::IsCancelled(status) ? 0 : 1;
  }
  Report();
}

inline void MiniWorker::Report() {
  if (Member* member = reporting_.load()) member->ReportNow();
}

inline void MiniWorker::FillHeartbeat(pb::HeartbeatRequest* heartbeat) {
  MutexLock lock(mutex_);
  for (const auto& [key, process] : processes_) {
    if (process->exited && !process->wanted) continue;
    pb::TaskProcess* task = heartbeat->add_tasks();
    task->set_job(std::get<0>(key));
    task->set_rank(std::get<1>(key));
    task->set_incarnation(std::get<2>(key));
    task->set_pid(process->exited ? 0 : getpid());
    task->set_exited(process->exited);
    task->set_exit(process->exit);
  }
}

inline bool MiniWorker::Kill(const std::string& job, uint32_t rank) {
  MutexLock lock(mutex_);
  Process* newest = nullptr;
  for (auto& [key, process] : processes_) {  // in order of incarnation
    if (std::get<0>(key) == job && std::get<1>(key) == rank) newest = process.get();
  }
  if (newest == nullptr || newest->exited || newest->killed) return false;
  newest->killed = true;
  newest->outside.wire->Cut();
  newest->task.Stop();
  return true;
}

inline void MiniWorker::Leave() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (auto& [key, process] : processes_) {
      process->outside.wire->Cut();
      process->task.Stop();
    }
  }
  reporting_.store(nullptr);
  member_->Leave();
}

inline size_t MiniWorker::Starts(const std::string& job, uint32_t rank) {
  MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
        return std::get<0>(entry.first) == job && std::get<1>(entry.first) == rank;
      }));
}

}  // namespace paracord
