// Lets people read the logs of a worker's tasks over gRPC (pb::WorkerNode).   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace paracord {

class LogService {
 public:
  // Listens at `bind`; logs lie below `directory` as TaskKeeper writes them. AlreadyExists: the
  // port is taken.
  static absl::StatusOr<std::unique_ptr<LogService>> Start(const std::string& bind,
                                                           const std::string& advertise,
                                                           const std::string& directory);
  virtual ~LogService() = default;
  virtual std::string address() const = 0;
};

}  // namespace paracord
