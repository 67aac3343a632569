// A scheduler with make-believe hosts around it, on one thread and a clock turned by hand. Servers
// adopt the plans they are told and store what they must (sim_server.h); worker daemons start and
// stop the processes that plans name; tasks say what the test wants.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/log.h"
#include "common/job/history.h"
#include "common/rpc/wait.h"
#include "scheduler/cluster.h"
#include "tests/scheduler/memory_journal.h"
#include "tests/scheduler/sim_host.h"
#include "tests/scheduler/sim_job.h"
#include "tests/support/manual_timer.h"

namespace paracord {

class SimCluster {
 public:
  explicit SimCluster(uint32_t min_servers = 1);

  // Hosts; they join at once.
  void AddServer(const std::string& name, uint64_t memory = 1 << 30);
  void AddWorker(const std::string& name, uint32_t slots = 1, const std::string& isa = "AVX2");
  void Kill(const std::string& name);   // the process and its children; the disk stays
  void Start(const std::string& name);  // again, with a new incarnation
  void Leave(const std::string& name, bool store = true);  // in order
  SimHost& host(const std::string& name) { return hosts_.at(name); }
  std::map<std::string, SimHost>& hosts() { return hosts_; }

  // Every server of the job has stored the step, and says so.
  void Checkpoint(const std::string& job, uint64_t step);
  // Every live host follows its plans and sends a heartbeat.
  void Beat();
  void BeatOne(SimHost& host);
  // Time, with heartbeats every 500 ms, or without.
  void Pass(Duration duration);
  void PassSilently(Duration duration) { timer_.Advance(duration); }
  // The scheduler dies and is started again on its journal; `down` later.
  void RestartScheduler(Duration down = milliseconds(10));

  // Tasks. Exit: its worker says so with the next heartbeat, which is sent.
  pb::TaskReport MakeReport(const std::string& job, uint32_t rank);
  absl::Status Report(const pb::TaskReport& report);
  absl::Status ReportStep(const std::string& job, uint32_t rank, uint64_t step);
  void ReportAllDone(const std::string& job);
  void Exit(const std::string& job, uint32_t rank, int code);
  SimTask* LiveTask(const std::string& job, uint32_t rank);

  // People.
  absl::StatusOr<std::string> TrySubmit(const SimJob& job);
  std::string Submit(const SimJob& job) { return TrySubmit(job).value(); }
  absl::Status Cancel(const std::string& job);
  absl::Status Set(const std::string& job, const std::vector<std::string>& settings);
  absl::StatusOr<uint64_t> Change(const std::string& job, pb::ChangeCheckpointRequest::What what,
                                  uint64_t step = 0);
  pb::GetJobReply Get(const std::string& job);
  pb::JobState State(const std::string& job) { return Get(job).status().state(); }
  std::string Waits(const std::string& job);  // one a line
  std::vector<pb::JobStatus> Jobs();
  std::vector<pb::Node> Nodes();

  Coordinator& coordinator() { return *cluster_; }
  absl::StatusOr<pb::JoinReply> Join(SimHost& host);
  absl::StatusOr<pb::WatchReply> Watch(const SimHost& host);
  MemoryJournal::Store& store() { return *store_; }
  const absl::Status& broken() const { return broken_; }  // why the scheduler has given up
  ManualTimer& timer() { return timer_; }

 private:
  void Open();
  void Follow(SimHost& host);
  pb::HeartbeatRequest MakeHeartbeat(const SimHost& host);

  const uint32_t min_servers_;
  absl::Status broken_;
  ManualTimer timer_;
  std::shared_ptr<MemoryJournal::Store> store_ = std::make_shared<MemoryJournal::Store>();
  std::unique_ptr<Cluster> cluster_;
  std::map<std::string, SimHost> hosts_;
  std::map<std::string, uint64_t> applied_;    // by job: the version that its shards have
  std::map<std::string, uint64_t> histories_;  // by job: the newest that a server has heard of
  uint64_t next_incarnation_ = 1000;
};

// --- what the above does; here because tests are one binary of *_test.cc ---

inline SimCluster::SimCluster(uint32_t min_servers) : min_servers_(min_servers) {
  SetLogLevel(LogLevel::kError);
  Open();
}

inline void SimCluster::Open() {
  ClusterOptions options;
  options.min_servers = min_servers_;
  options.unix_ms = [this] {
    return std::chrono::duration_cast<milliseconds>(timer_.Now().time_since_epoch()).count();
  };
  options.on_broken = [this](const absl::Status& why) { broken_ = why; };
  cluster_ = Cluster::Open(options, std::make_unique<MemoryJournal>(store_), timer_).value();
}

inline void SimCluster::RestartScheduler(Duration down) {
  cluster_.reset();
  timer_.Advance(down);
  Open();
  for (auto& [name, host] : hosts_) host.joined = false;
}

inline void SimCluster::AddServer(const std::string& name, uint64_t memory) {
  SimHost& host = hosts_[name];
  host.who.set_role(pb::SERVER);
  host.who.set_memory_bytes(memory);
  host.who.set_name(name);
  host.who.set_identity("disk of " + name);
  Start(name);
}

inline void SimCluster::AddWorker(const std::string& name, uint32_t slots, const std::string& isa) {
  SimHost& host = hosts_[name];
  host.who.set_role(pb::WORKER);
  host.who.set_slots(slots);
  host.who.mutable_compute()->set_device("cpu");
  host.who.mutable_compute()->set_isa(isa);
  host.who.mutable_compute()->set_library("oneDNN 2.6.0");
  host.who.set_name(name);
  host.who.set_identity("disk of " + name);
  Start(name);
}

inline void SimCluster::Kill(const std::string& name) {
  SimHost& host = hosts_.at(name);
  host.alive = host.joined = false;
  host.tasks.clear();
  host.shards.Clear();
}

inline void SimCluster::Start(const std::string& name) {
  SimHost& host = hosts_.at(name);
  Kill(name);
  host.alive = true;
  host.who.set_incarnation(++next_incarnation_);
  host.who.set_pid(static_cast<int64_t>(next_incarnation_));
  host.who.set_address(absl::StrCat(name, ":", next_incarnation_));
  BeatOne(host);
}

inline absl::StatusOr<pb::JoinReply> SimCluster::Join(SimHost& host) {
  pb::JoinRequest request = host.who;
  for (const pb::StoredRange& stored : host.disk) *request.add_stored() = stored;
  auto reply = Await<pb::JoinReply>([&](auto done) { cluster_->Join(request, std::move(done)); });
  host.joined = reply.ok();
  return reply;
}

inline absl::StatusOr<pb::WatchReply> SimCluster::Watch(const SimHost& host) {
  pb::WatchRequest request;
  request.set_name(host.who.name());
  request.set_incarnation(host.who.incarnation());
  return Await<pb::WatchReply>([&](auto done) { cluster_->Watch(request, std::move(done)); });
}

inline void SimCluster::Follow(SimHost& host) {
  auto reply = Watch(host);
  if (!reply.ok()) return;
  for (const pb::Assignment& assignment : reply->assignments()) {
    uint64_t& history = histories_[assignment.plan().job()];
    if (assignment.plan().history() > std::max<uint64_t>(history, 1)) {
      applied_[assignment.plan().job()] = assignment.plan().step();
    }
    history = std::max<uint64_t>(history, assignment.plan().history());
  }
  host.shards.Follow(*reply, host.who, applied_);
  std::vector<SimTask> kept;
  for (const pb::Assignment& assignment : reply->assignments()) {
    const pb::Plan& plan = assignment.plan();
    StoreForPlan(host.disk, host.who.name(), plan);
    for (const pb::TaskSlot& slot : plan.tasks()) {
      if (slot.worker() != host.who.name()) continue;
      SimTask task{plan.job(), slot.rank(), slot.incarnation()};
      for (const SimTask& old : host.tasks) {
        if (old.job == task.job && old.rank == task.rank && old.incarnation == task.incarnation)
          task = old;
      }
      kept.push_back(task);
    }
  }
  host.tasks = kept;
}

inline pb::HeartbeatRequest SimCluster::MakeHeartbeat(const SimHost& host) {
  pb::HeartbeatRequest request;
  request.set_name(host.who.name());
  request.set_incarnation(host.who.incarnation());
  for (const SimTask& task : host.tasks) {
    pb::TaskProcess* process = request.add_tasks();
    process->set_job(task.job);
    process->set_rank(task.rank);
    process->set_incarnation(task.incarnation);
    process->set_pid(task.exited ? 0 : 7);
    process->set_exited(task.exited);
    process->set_exit(task.exit);
    if (task.exited) process->set_log_tail("last words");
  }
  for (const pb::StoredRange& stored : host.disk) *request.add_stored() = stored;
  host.shards.FillHeartbeat(&request);
  return request;
}

inline void SimCluster::BeatOne(SimHost& host) {
  if (!host.alive) return;
  if (!host.joined && !Join(host).ok()) return;
  Follow(host);
  const auto reply = Await<pb::HeartbeatReply>(
      [&](auto done) { cluster_->Heartbeat(MakeHeartbeat(host), std::move(done)); });
  if (absl::IsNotFound(reply.status())) host.joined = false;
  if (reply.ok()) DropFrom(host.disk, *reply);
}

inline void SimCluster::Beat() {
  for (auto& [name, host] : hosts_) BeatOne(host);
}

inline void SimCluster::Pass(Duration duration) {
  for (Duration left = duration; left > Duration::zero(); left -= milliseconds(500)) {
    timer_.Advance(std::min<Duration>(left, milliseconds(500)));
    Beat();
  }
}

inline void SimCluster::Leave(const std::string& name, bool store) {
  SimHost& host = hosts_.at(name);
  if (auto reply = Watch(host); reply.ok() && store) {
    for (const pb::Assignment& assignment : reply->assignments()) {
      for (const pb::ShardRange& shard : assignment.plan().shards()) {
        const std::string& job = assignment.plan().job();
        if (shard.server() != name) continue;
        StoreOn(host.disk, assignment.plan(), shard, applied_[job], host.who.incarnation());
      }
    }
  }
  for (SimTask& task : host.tasks) task.exited = true;
  pb::HeartbeatRequest last = MakeHeartbeat(host);
  last.set_leaving(true);
  (void)Await<pb::HeartbeatReply>([&](auto done) { cluster_->Heartbeat(last, std::move(done)); });
  Kill(name);
}

inline SimTask* SimCluster::LiveTask(const std::string& job, uint32_t rank) {
  SimTask* newest = nullptr;
  for (auto& [name, host] : hosts_) {
    for (SimTask& task : host.tasks) {
      if (task.job != job || task.rank != rank || task.exited) continue;
      if (newest == nullptr || newest->incarnation < task.incarnation) newest = &task;
    }
  }
  return newest;
}

inline pb::TaskReport SimCluster::MakeReport(const std::string& job, uint32_t rank) {
  pb::TaskReport report;
  const SimTask* task = LiveTask(job, rank);
  report.set_job(job);
  report.set_rank(rank);
  report.set_incarnation(task == nullptr ? 0 : task->incarnation);
  report.set_steps(kSimSteps);
  report.set_train_samples(40);
  report.set_step(applied_[job]);
  return report;
}

inline absl::Status SimCluster::Report(const pb::TaskReport& report) {
  const auto reply =
      Await<pb::TaskReportReply>([&](auto done) { cluster_->ReportTask(report, std::move(done)); });
  if (reply.ok()) applied_[report.job()] = std::max(applied_[report.job()], report.step());
  return reply.status();
}

inline absl::Status SimCluster::ReportStep(const std::string& job, uint32_t rank, uint64_t step) {
  pb::TaskReport report = MakeReport(job, rank);
  report.set_step(step);
  return Report(report);
}

inline void SimCluster::ReportAllDone(const std::string& job) {
  const pb::Plan plan = Get(job).plan();
  for (const pb::TaskSlot& slot : plan.tasks()) {
    pb::TaskReport report = MakeReport(job, slot.rank());
    report.set_step(kSimSteps);
    report.set_done(true);
    (void)Report(report);
  }
}

inline void SimCluster::Exit(const std::string& job, uint32_t rank, int code) {
  SimTask* task = LiveTask(job, rank);
  task->exited = true;
  task->exit = code;
  Beat();
}

inline absl::StatusOr<std::string> SimCluster::TrySubmit(const SimJob& job) {
  pb::SubmitRequest request;
  request.set_yaml(job.Yaml());
  request.set_directory("/");
  auto reply =
      Await<pb::SubmitReply>([&](auto done) { cluster_->Submit(request, std::move(done)); });
  if (!reply.ok()) return reply.status();
  Beat();
  return reply->id();
}

inline absl::Status SimCluster::Cancel(const std::string& job) {
  pb::CancelRequest request;
  request.set_id(job);
  return Await<pb::CancelReply>([&](auto done) { cluster_->Cancel(request, std::move(done)); })
      .status();
}

inline absl::Status SimCluster::Set(const std::string& job,
                                    const std::vector<std::string>& settings) {
  pb::SetJobRequest request;
  request.set_id(job);
  for (const std::string& setting : settings) request.add_settings(setting);
  return Await<pb::SetJobReply>([&](auto done) { cluster_->SetJob(request, std::move(done)); })
      .status();
}

inline absl::StatusOr<uint64_t> SimCluster::Change(const std::string& job,
                                                   pb::ChangeCheckpointRequest::What what,
                                                   uint64_t step) {
  pb::ChangeCheckpointRequest request;
  request.set_id(job);
  request.set_what(what);
  request.set_step(step);
  auto reply = Await<pb::ChangeCheckpointReply>(
      [&](auto done) { cluster_->ChangeCheckpoint(request, std::move(done)); });
  if (!reply.ok()) return reply.status();
  return reply->step();
}

inline void SimCluster::Checkpoint(const std::string& job, uint64_t step) {
  const pb::Plan plan = Get(job).plan();
  for (const pb::ShardRange& shard : plan.shards()) {
    SimHost& host = hosts_.at(shard.server());
    if (host.who.incarnation() == shard.incarnation()) StoreOn(host.disk, plan, shard, step);
  }
  Beat();
}

inline pb::GetJobReply SimCluster::Get(const std::string& job) {
  pb::GetJobRequest request;
  request.set_id(job);
  return Await<pb::GetJobReply>([&](auto done) { cluster_->GetJob(request, std::move(done)); })
      .value();
}

inline std::string SimCluster::Waits(const std::string& job) {
  std::string lines;
  const pb::GetJobReply reply = Get(job);
  for (const pb::Wait& wait : reply.status().waits()) {
    absl::StrAppend(&lines, wait.who(), ": ", wait.what(), "\n");
  }
  return lines;
}

inline std::vector<pb::JobStatus> SimCluster::Jobs() {
  const auto reply = Await<pb::ListJobsReply>(
      [&](auto done) { cluster_->ListJobs(pb::ListJobsRequest(), std::move(done)); });
  return {reply->jobs().begin(), reply->jobs().end()};
}

inline std::vector<pb::Node> SimCluster::Nodes() {
  const auto reply = Await<pb::ListNodesReply>(
      [&](auto done) { cluster_->ListNodes(pb::ListNodesRequest(), std::move(done)); });
  return {reply->nodes().begin(), reply->nodes().end()};
}

}  // namespace paracord
