// A whole cluster in one process, on real time: a real scheduler with its journal in memory, real
// servers on folders that go with the test, worker daemons whose tasks are threads. Wired by direct
// calls or over loopback; every task and member may have a faulty wire, people never do.
//
// Source: the mini-clusters of Apache Kudu (src/kudu/mini-cluster).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/log.h"
#include "common/job/history.h"
#include "common/job/key_range.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/remote_shard.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wait.h"
#include "scheduler/cli/audit_rows.h"
#include "scheduler/cluster.h"
#include "scheduler/coordinator_service.h"
#include "tests/scheduler/memory_journal.h"
#include "tests/support/faulty_coordinator.h"
#include "tests/support/faulty_shard.h"
#include "tests/support/mini_server.h"
#include "tests/support/mini_worker.h"
#include "tests/support/plain_loop.h"
#include "tests/support/temporary_directory.h"

namespace paracord {

struct MiniOptions {
  uint32_t servers = 1;
  uint32_t workers = 1;
  uint32_t slots = 1;  // of each worker
  int threads = 1;     // of each task
  int gpus = 0;        // of each worker, fake ones
  uint32_t gpu_slots = 1;
  bool loopback = false;
  Faults faults = {};
  uint64_t seed = 1;  // of the faults
  FaultyShard::OnPush on_push = {};
  FaultyCoordinator::OnReport on_report = {};
};

class MiniCluster {
 public:
  explicit MiniCluster(const MiniOptions& options);
  ~MiniCluster();

  // People. Called from the test's thread.
  std::string Submit(const std::string& yaml) { return TrySubmit(yaml).value(); }
  absl::StatusOr<std::string> TrySubmit(const std::string& yaml);
  absl::Status Cancel(const std::string& job);
  absl::Status Set(const std::string& job, const std::string& setting);
  absl::Status Restore(const std::string& job, uint64_t step);
  absl::Status Drain(const std::string& worker, bool draining);
  pb::GetJobReply Get(const std::string& job);
  pb::JobState State(const std::string& job) { return Get(job).status().state(); }
  // Asks again and again until it is so; false: it has not become so within a minute.
  static bool Eventually(const std::function<bool()>& condition);
  // The job's state once it has ended; PENDING or RUNNING: it hangs.
  pb::JobState WaitForEnd(const std::string& job);
  // All that the scheduler can say, for failure messages.
  std::string Story(const std::string& job) { return Get(job).status().DebugString(); }

  // One vector a tensor of the model, as of the last step; from the servers, as anybody reads them.
  absl::StatusOr<Tensors> ReadWeights(const std::string& job);
  // As the servers say now.
  absl::StatusOr<std::vector<AuditRow>> Audit(const std::string& job);

  // Faults. A server is started again on its folder, as another process.
  void StopServer(uint32_t server);
  void StartServer(uint32_t server);
  bool KillTask(const std::string& job, uint32_t rank);
  size_t Starts(const std::string& job, uint32_t rank);
  // By the name that plans have for it.
  void TakeWorker(const std::string& name);

 private:
  void Serve();
  Outside MakeOutside(const Faults& faults);
  std::shared_ptr<Coordinator> MakeCoordinator();
  std::shared_ptr<Shard> Reach(const std::string& address, const std::shared_ptr<Poller>& poller);

  const MiniOptions options_;
  TemporaryDirectory folder_;
  SystemTimer cluster_timer_, network_timer_;
  const std::shared_ptr<Network> network_ = std::make_shared<Network>(network_timer_);
  std::shared_ptr<Cluster> cluster_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::string scheduler_address_;
  std::atomic<uint64_t> processes_{0};  // each has a seed of its own
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<ServerDoor>> doors_ ABSL_GUARDED_BY(mutex_);  // by address
  std::vector<std::unique_ptr<MiniServer>> servers_;
  std::vector<std::unique_ptr<MiniWorker>> workers_;
};

inline MiniCluster::MiniCluster(const MiniOptions& options) : options_(options) {
  SetLogLevel(LogLevel::kError);
  ClusterOptions cluster;
  cluster.min_servers = options.servers;
  cluster.lease = seconds(60);  // nothing here is noticed by silence, and a slow test is no death
  cluster.heartbeat = milliseconds(50);
  cluster.unix_ms = UnixMilliseconds;
  auto journal = std::make_unique<MemoryJournal>(std::make_shared<MemoryJournal::Store>());
  cluster_ = Cluster::Open(cluster, std::move(journal), cluster_timer_).value();
  if (options.loopback) Serve();
  servers_.resize(options.servers);
  for (uint32_t i = 0; i < options.servers; ++i) StartServer(i);
  for (uint32_t i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<MiniWorker>(
        MiniWorker::Options{absl::StrCat("worker-", i), options.slots, options.threads,
                            options.gpus, options.gpu_slots},
        [this] { return MakeOutside(options_.faults); }));
  }
}

inline MiniCluster::~MiniCluster() {
  workers_.clear();
  servers_.clear();
  cluster_->Stop();
  if (grpc_) {
    grpc_->Shutdown(std::chrono::system_clock::now() + seconds(1));
    grpc_->Wait();
  }
  network_->Close();
}

inline void MiniCluster::Serve() {
  service_ = std::make_unique<CoordinatorService>(*cluster_);
  grpc::ServerBuilder builder;
  Listening listening{"127.0.0.1:0"};
  Listen(builder, listening);
  builder.RegisterService(service_.get());
  grpc_ = builder.BuildAndStart();
  PARACORD_CHECK(CheckBound(grpc_.get(), listening).ok());
  scheduler_address_ = AdvertisedAddress(listening, "");
}

inline std::shared_ptr<Coordinator> MiniCluster::MakeCoordinator() {
  if (!options_.loopback) return cluster_;
  return MakeRemoteCoordinator(scheduler_address_);
}

inline std::shared_ptr<Shard> MiniCluster::Reach(const std::string& address,
                                                 const std::shared_ptr<Poller>& poller) {
  if (options_.loopback) {
    return poller == nullptr ? MakeRemoteShard(address) : MakeRemoteShard(address, poller);
  }
  MutexLock lock(mutex_);
  return doors_.at(address);
}

inline Outside MiniCluster::MakeOutside(const Faults& faults) {
  const uint64_t seed = options_.seed * 1000 + ++processes_;
  auto wire = std::make_shared<Wire>(network_, faults, seed);
  auto coordinator =
      std::make_shared<FaultyCoordinator>(MakeCoordinator(), wire, options_.on_report);
  auto poller = options_.loopback ? std::make_shared<Poller>() : nullptr;
  return {wire, coordinator, [this, wire, poller](const pb::ShardRange& range) {
            return std::make_shared<FaultyShard>(Reach(range.address(), poller), wire,
                                                 options_.on_push);
          }};
}

inline absl::StatusOr<std::string> MiniCluster::TrySubmit(const std::string& yaml) {
  pb::SubmitRequest request;
  request.set_yaml(yaml);
  request.set_directory("/");
  auto reply =
      Await<pb::SubmitReply>([&](auto done) { cluster_->Submit(request, std::move(done)); });
  if (!reply.ok()) return reply.status();
  return reply->id();
}

inline absl::Status MiniCluster::Cancel(const std::string& job) {
  pb::CancelRequest request;
  request.set_id(job);
  return Await<pb::CancelReply>([&](auto done) { cluster_->Cancel(request, std::move(done)); })
      .status();
}

inline pb::GetJobReply MiniCluster::Get(const std::string& job) {
  pb::GetJobRequest request;
  request.set_id(job);
  return Await<pb::GetJobReply>([&](auto done) { cluster_->GetJob(request, std::move(done)); })
      .value();
}

inline absl::Status MiniCluster::Set(const std::string& job, const std::string& setting) {
  pb::SetJobRequest request;
  request.set_id(job);
  request.add_settings(setting);
  return Await<pb::SetJobReply>([&](auto done) { cluster_->SetJob(request, std::move(done)); })
      .status();
}

inline absl::Status MiniCluster::Restore(const std::string& job, uint64_t step) {
  pb::ChangeCheckpointRequest request;
  request.set_id(job);
  request.set_what(pb::ChangeCheckpointRequest::RESTORE);
  request.set_step(step);
  return Await<pb::ChangeCheckpointReply>(
             [&](auto done) { cluster_->ChangeCheckpoint(request, std::move(done)); })
      .status();
}

inline absl::Status MiniCluster::Drain(const std::string& worker, bool draining) {
  pb::DrainRequest request;
  request.set_id(worker);
  request.set_draining(draining);
  return Await<pb::DrainReply>([&](auto done) { cluster_->Drain(request, std::move(done)); })
      .status();
}

inline bool MiniCluster::Eventually(const std::function<bool()>& condition) {
  const TimePoint until = Clock::now() + seconds(60);
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

inline pb::JobState MiniCluster::WaitForEnd(const std::string& job) {
  Eventually([&] { return State(job) != pb::PENDING && State(job) != pb::RUNNING; });
  return State(job);
}

inline absl::StatusOr<Tensors> MiniCluster::ReadWeights(const std::string& job) {
  const pb::GetJobReply got = Get(job);
  const BlockGrid grid = GridOf(ParseJobOrStatus(got.job().yaml(), got.job().directory()).value());
  const auto poller = options_.loopback ? std::make_shared<Poller>() : nullptr;
  Payload all;
  for (const pb::ShardRange& range : got.plan().shards()) {
    if (range.block_begin() == range.block_end()) continue;
    pb::PullHeader header;
    header.set_shard(range.index());
    SetHistory(got.plan(), &header);
    header.set_version(got.status().step());
    header.set_block_begin(range.block_begin());
    header.set_block_end(range.block_end());
    const auto shard = Reach(range.address(), poller);
    ASSIGN_OR_RETURN(const Payload part,
                     Await<Payload>([&](auto done) { shard->Pull(header, std::move(done)); }));
    all.Append(part);
  }
  Tensors out;
  Payload::Cutter cutter(all);
  for (const TensorSpec& tensor : grid.tensors()) {
    if (tensor.kind == TensorKind::kSum) continue;
    out.emplace_back(tensor.size());
    cutter.Next(out.back().size() * sizeof(float)).CopyTo(out.back().data());
  }
  return out;
}

inline absl::StatusOr<std::vector<AuditRow>> MiniCluster::Audit(const std::string& job) {
  const pb::GetJobReply got = Get(job);
  const auto poller = options_.loopback ? std::make_shared<Poller>() : nullptr;
  std::vector<pb::QueryReply> replies;
  for (const pb::ShardRange& range : got.plan().shards()) {
    pb::QueryRequest request;
    SetHistory(got.plan(), &request);
    request.set_shard(range.index());
    request.set_block_begin(range.block_begin());
    request.set_audit(true);
    const auto shard = Reach(range.address(), poller);
    ASSIGN_OR_RETURN(replies.emplace_back(), Await<pb::QueryReply>([&](auto done) {
                       shard->Query(request, std::move(done));
                     }));
  }
  const JobSpec spec = ParseJobOrStatus(got.job().yaml(), got.job().directory()).value();
  return AuditRows(spec, got.plan(), replies);
}

inline void MiniCluster::StopServer(uint32_t server) { servers_[server]->Stop(); }

inline void MiniCluster::StartServer(uint32_t server) {
  servers_[server].reset();
  const std::string name = absl::StrCat("server-", server);
  const Outside outside = MakeOutside(options_.faults);
  servers_[server] = std::make_unique<MiniServer>(
      MiniServer::Options{name, absl::StrCat(folder_.path(), "/", name), options_.loopback,
                          [this, wire = outside.wire](const std::string& address) {
                            return std::make_unique<FaultyShard>(Reach(address, nullptr), wire,
                                                                 nullptr);
                          }},
      outside.coordinator);
  {
    MutexLock lock(mutex_);
    doors_[servers_[server]->address()] = servers_[server]->door();
  }
  servers_[server]->Join();
}

inline bool MiniCluster::KillTask(const std::string& job, uint32_t rank) {
  for (const auto& worker : workers_) {
    if (worker->Kill(job, rank)) return true;
  }
  return false;
}

inline void MiniCluster::TakeWorker(const std::string& name) {
  for (const auto& worker : workers_) {
    if (worker->name() == name) worker->Leave();
  }
}

inline size_t MiniCluster::Starts(const std::string& job, uint32_t rank) {
  size_t starts = 0;
  for (const auto& worker : workers_) starts += worker->Starts(job, rank);
  return starts;
}

}  // namespace paracord
