// One who predicts for others: is given a job's model and its weights, then parts of samples, and
// answers each message in turn (proto/worker.proto, Predict). One thread, and those of its crew.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/worker.pb.h"
#include "worker/batch_crew.h"
#include "worker/trained_model.h"

namespace paracord {

// Bytes of weights, features or outputs in one message.
inline constexpr size_t kMostPieceBytes = 2 << 20;
// Floats that a part may have, of features and of outputs, if it has more than one row.
inline constexpr uint64_t kMostPartFloats = 2 << 20;
inline constexpr uint64_t kMostPartRows = 4096;

// Of a part for such a model, at least 1.
uint64_t MostRowsOfPart(const TrainedModel& trained);

class PredictSession {
 public:
  // `folder`: there, and empty; the weights lie in it while they are read.
  PredictSession(std::string folder, int threads);

  // InvalidArgument: the message is not the next that there may be; FailedPrecondition: this
  // process would compute other bits; else what the model says. After an error it is over.
  absl::StatusOr<pb::PredictReply> Answer(const pb::PredictRequest& request);

 private:
  absl::Status Begin(const pb::PredictModel& model);
  absl::Status AddWeights(const std::string& bytes);
  absl::Status BeginPart(uint64_t rows);
  absl::Status AddFeatures(const std::string& bytes);
  absl::Status AskPart();
  std::string WeightsPath() const { return folder_ + "/weights.safetensors"; }

  const std::string folder_;
  const int threads_;
  std::unique_ptr<JobSpec> spec_;
  std::ofstream file_;
  uint64_t weights_left_ = 0;  // bytes
  std::unique_ptr<TrainedModel> trained_;
  std::unique_ptr<BatchCrew> crew_;
  uint64_t rows_ = 0;            // of the part that has begun
  std::vector<float> features_;  // of it
  size_t features_there_ = 0;    // bytes
  std::vector<float> outputs_;
  size_t outputs_told_ = 0;  // bytes
};

}  // namespace paracord
