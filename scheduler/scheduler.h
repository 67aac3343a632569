// The scheduler daemon: a journal, a cluster over it, and a gRPC server in front. See
// common/base/daemon.h.
#pragma once

#include <memory>
#include <string>

#include "common/base/daemon.h"
#include "common/base/timer.h"
#include "common/rpc/daemon_options.h"
#include "scheduler/cluster.h"

namespace grpc {
class Server;
}

namespace paracord {

class CoordinatorService;

class Scheduler {
 public:
  static constexpr const char* kName = "paracord-scheduler";
  struct Options : DaemonOptions {
    Options() { bind = "0.0.0.0:7200", directory = "paracord-scheduler"; }
    uint32_t min_servers = 1;
    Duration lease = seconds(2);
    Duration heartbeat = milliseconds(500);
    Duration server_grace = seconds(30);
    bool chaos = false;
  };
  static Options ParseOptions(const ConfigNode& root);
  static std::string PrintOptions(const Options& options);
  // Bound, and DIRECTORY/address written ("HOST:PORT\n"), when it returns. FailedPrecondition: the
  // directory is in use. AlreadyExists: the port is. DataLoss: the journal cannot be trusted.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Start(const Options& options);
  ~Scheduler();
  void Stop();

  const std::string& address() const { return address_; }
  // For those in the same process.
  Coordinator& coordinator() { return *cluster_; }

 private:
  Scheduler();
  absl::Status Bind(const Options& options);

  SystemTimer timer_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace paracord
