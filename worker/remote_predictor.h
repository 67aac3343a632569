// A worker daemon that is asked to predict (pb::WorkerNode, Predict), with the model and the
// weights that are here. Blocks; one thread.   [door: gRPC]
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "proto/worker.grpc.pb.h"
#include "worker/tensor/compute_class.h"

namespace paracord {

// What every predictor is given.
struct PredictorModel {
  std::string yaml;      // the job's
  std::string weights;   // path of a safetensors file, here
  ComputeClass compute;  // whose bits are wanted
};

class RemotePredictor {
 public:
  struct Patience {
    Duration answer = seconds(60);     // with one message
    Duration call = seconds(30 * 60);  // after it a new call is made, before its deadline comes
  };
  // `address`: HOST:PORT of the daemon. `timer` and `model` outlive it.
  RemotePredictor(const std::string& address, const PredictorModel& model, Timer& timer,
                  Patience patience);
  RemotePredictor(const std::string& address, const PredictorModel& model, Timer& timer)
      : RemotePredictor(address, model, timer, Patience()) {}
  ~RemotePredictor();  // when the daemon has tidied up

  const std::string& address() const { return address_; }
  // A part of at most MostRowsOfPart rows. `outputs`: as many as there are to be. Any error may be
  // this daemon's alone: another one, or this host, is to be asked for the same.
  absl::Status Ask(uint64_t rows, std::span<const float> features, std::vector<float>* outputs);

 private:
  struct Conversation;

  absl::Status Connect();
  absl::Status SendWeights();
  absl::StatusOr<pb::PredictReply> Exchange(const pb::PredictRequest& request);
  uint64_t CancelAfter(Duration delay);  // an id for the timer
  void End();                            // the call, in order

  const std::string address_;
  const PredictorModel& model_;
  Timer& timer_;
  const Patience patience_;
  std::unique_ptr<pb::WorkerNode::Stub> stub_;
  std::shared_ptr<Conversation> call_;  // the one that is under way
};

}  // namespace paracord
