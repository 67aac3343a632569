// gRPC to Shard. All calls come raw through completion queues, with one polling thread a queue; the
// thread that receives a call decodes it and runs the shard's strand if that is idle, so there is
// no hop. (One method on the callback API would put gRPC's own threads on the same sockets, and
// they would take the data path's messages off them.)   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/shard.h"

namespace paracord {

class ShardService {
 public:
  // Listens at `bind` (HOST:PORT, port 0 picks one) and serves `shard`, which outlives it.
  // AlreadyExists: the port is taken.
  static absl::StatusOr<std::unique_ptr<ShardService>> Start(Shard& shard, const std::string& bind,
                                                             const std::string& advertise,
                                                             int polling_threads);
  virtual ~ShardService() =
      default;  // stops: refuses new calls, cancels parked ones, joins its threads
  virtual std::string address() const = 0;
};

}  // namespace paracord
