// The server daemon: owns everything, wires it, stops it in order.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/base/crew.h"
#include "common/base/gate.h"
#include "common/rpc/daemon_options.h"
#include "common/rpc/member.h"
#include "server/shard_host.h"
#include "server/shard_service.h"

namespace paracord {

class Server {
 public:
  struct Options : MemberOptions {
    Options() { name = "server-0", bind = "0.0.0.0:7201", directory = "paracord-server-0"; }
    uint64_t memory = 1ull << 30;  // bytes for weights and optimizer's state
    int polling_threads = 0;       // 0: one for two cores, at most 4
  };
  static constexpr const char* kName = "paracord-server";
  static Options ParseOptions(const ConfigNode& root);
  static std::string PrintOptions(const Options& options);
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options);

  // Writes all shards as of their step, tells the scheduler, ends. What still waits for another
  // host after that is left behind: then this object must outlive it, until the process ends.
  void Stop();

 private:
  Server() = default;

  Gate reporting_gate_;  // open while `member_` may be asked to report
  Gate adopting_gate_;   // open while `host_` may be told of plans

  // In the order in which they must go, last first.
  std::unique_ptr<SystemTimer> timer_;
  std::unique_ptr<BlockDb> db_;
  std::unique_ptr<StorageThread> storage_;
  std::unique_ptr<Lanes> lanes_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<Crew> crew_;
  std::unique_ptr<ShardHost> host_;
  std::unique_ptr<ShardService> service_;
  // The member's own, with a thread that polls for it alone: a shard's strand runs on the threads
  // of the data path and on `timer_`'s, and however long it takes there, the lease is renewed.
  std::unique_ptr<SystemTimer> member_timer_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Member> member_;
  std::atomic<Member*> reporting_{nullptr};  // `member_`, once it is there
};

}  // namespace paracord
