#include "scheduler/scheduler.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "scheduler/coordinator_service.h"

namespace paracord {
namespace {

std::string MillisecondsString(Duration duration) {
  return absl::StrCat(std::chrono::duration_cast<milliseconds>(duration).count(), "ms");
}

}  // namespace

Scheduler::Options Scheduler::ParseOptions(const ConfigNode& root) {
  Options options;
  ParseDaemonOptions(root, &options);
  options.min_servers =
      static_cast<uint32_t>(root.Integer("min_servers", options.min_servers, {1, 4096}));
  options.lease = Duration(root.Nanoseconds("lease", options.lease.count()));
  options.heartbeat = Duration(root.Nanoseconds("heartbeat", options.heartbeat.count()));
  if (options.heartbeat < milliseconds(10)) {
    root.Child("heartbeat").Error("expected at least 10ms");
  } else if (options.lease < 2 * options.heartbeat) {
    root.Child("lease").Error(absl::StrCat("found ", MillisecondsString(options.lease),
                                           ", expected at least two heartbeats (",
                                           MillisecondsString(2 * options.heartbeat), ")"));
  }
  options.server_grace = Duration(root.Nanoseconds("server_grace", options.server_grace.count()));
  options.chaos = root.Bool("chaos", options.chaos);
  root.Finish();
  return options;
}

std::string Scheduler::PrintOptions(const Options& options) {
  return absl::StrCat(PrintDaemonOptions(options), "min_servers: ", options.min_servers,
                      "\nlease: ", MillisecondsString(options.lease),
                      "\nheartbeat: ", MillisecondsString(options.heartbeat),
                      "\nserver_grace: ", MillisecondsString(options.server_grace),
                      "\nchaos: ", options.chaos ? "true" : "false", "\n");
}

Scheduler::Scheduler() = default;

Scheduler::~Scheduler() { Stop(); }

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Start(const Options& options) {
  SetLogName("scheduler");
  SetLogLevel(options.log_level);
  auto journal = OpenJournal(options.directory);
  if (!journal.ok()) return journal.status();
  std::unique_ptr<Scheduler> scheduler(new Scheduler);
  auto cluster = Cluster::Open({options.min_servers, options.lease, options.heartbeat,
                                options.server_grace, UnixMilliseconds, options.chaos, FailDaemon},
                               *std::move(journal), scheduler->timer_);
  if (!cluster.ok()) return cluster.status();
  scheduler->cluster_ = *std::move(cluster);
  RETURN_IF_ERROR(scheduler->Bind(options));
  scheduler->cluster_->SetSelf(scheduler->address_, getpid());
  const auto file = std::filesystem::path(options.directory) / "address";
  RETURN_IF_ERROR(WriteFileAtomically(file.string(), scheduler->address_ + "\n"));
  LogInfo("listening on ", options.bind, ", reached at ", scheduler->address_);
  return scheduler;
}

absl::Status Scheduler::Bind(const Options& options) {
  RETURN_IF_ERROR(CheckFree(options.bind));
  service_ = std::make_unique<CoordinatorService>(
      *cluster_, [cluster = cluster_.get()](const pb::WatchRequest& gone) {
        if (!gone.name().empty()) cluster->Cut(gone.name(), gone.incarnation());
      });
  grpc::ServerBuilder builder;
  Listening listening{options.bind};
  Listen(builder, listening);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  RETURN_IF_ERROR(CheckBound(server_.get(), listening));
  address_ = AdvertisedAddress(listening, options.advertise);
  return absl::OkStatus();
}

void Scheduler::Stop() {
  if (cluster_ != nullptr) cluster_->Stop();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + seconds(1));
  server_->Wait();
  server_.reset();
}

}  // namespace paracord
