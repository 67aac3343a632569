// What people may ask a worker daemon over gRPC (pb::WorkerNode): the logs of its tasks, and
// predictions (predict_calls.h).   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/predict_calls.h"

namespace paracord {

class NodeService {
 public:
  // Listens at `bind`; logs lie below the directory of `predict` as TaskKeeper writes them.
  // AlreadyExists: the port is taken.
  static absl::StatusOr<std::unique_ptr<NodeService>> Start(const std::string& bind,
                                                            const std::string& advertise,
                                                            const PredictCalls::Options& predict);
  virtual ~NodeService() = default;
  virtual std::string address() const = 0;
};

}  // namespace paracord
