// The calls to a worker daemon that ask for predictions (pb::WorkerNode, Predict): each has a child
// process that computes, and passes messages on between it and the caller. When a call ends, is
// cancelled or falls silent, its child has ended and its folder is gone. Any thread.   [door: gRPC]
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>

#include "common/base/crew.h"
#include "common/base/mutex.h"
#include "common/base/timer.h"
#include "proto/worker.grpc.pb.h"

namespace paracord {

class PredictCalls {
 public:
  struct Options {
    std::string binary;               // of the children: this program
    std::string directory;            // the daemon's; folders of calls come below DIRECTORY/predict
    int threads = 1;                  // of each child
    uint32_t most = 1;                // calls side by side; more are Unavailable
    Duration patience = seconds(60);  // with a caller who neither asks nor reads
  };
  // Folders that an earlier daemon has left are removed.
  explicit PredictCalls(Options options);
  ~PredictCalls();  // waits for its calls: cancel them first

  using Reactor = grpc::ServerBidiReactor<pb::PredictRequest, pb::PredictReply>;
  Reactor* Accept(grpc::CallbackServerContext* context);

 private:
  class Call;
  class Refusal;

  bool Enter();
  void Leave();
  std::string NextFolder();

  const Options options_;
  Mutex mutex_;
  uint32_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  Crew crew_;  // a thread for each call
};

}  // namespace paracord
