// gRPC to Shard. All calls come raw through one completion queue; the polling thread that receives
// a call decodes it and runs the shard's strand if that is idle, so there is no hop.   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/poller.h"
#include "common/rpc/shard.h"

namespace paracord {

class ShardService {
 public:
  // Listens at `bind` (HOST:PORT, port 0 picks one) and serves `shard`, which outlives it.
  // AlreadyExists: the port is taken.
  static absl::StatusOr<std::unique_ptr<ShardService>> Start(Shard& shard, const std::string& bind,
                                                             const std::string& advertise,
                                                             int polling_threads);
  // Stops: takes no more calls, waits until `shard` has answered those it has, joins its threads.
  virtual ~ShardService() = default;
  virtual std::string address() const = 0;
  // For the process's own calls. Their stubs go before the service.
  virtual std::shared_ptr<Poller> poller() const = 0;
};

}  // namespace paracord
