// What a trained model says of samples in a file: part after part, on several worker daemons or on
// threads of this process, written in the samples' order. Samples are read and checked here; a part
// of a daemon that fails is asked of another, at last of this process. The file has the same bytes
// whatever the daemons, threads and parts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/remote_predictor.h"
#include "worker/trained_model.h"

namespace paracord {

struct PredictRequest {
  std::string input;    // prediction_input.h
  std::string out;      // prediction_file.h
  bool logits = false;  // before softmax or logistic function
  int threads = 1;      // here
  // Daemons that compute, HOST:PORT, given `model`. None, or none that can: this process does.
  std::vector<std::string> workers = {};
  PredictorModel model = {};
};

struct Predicted {
  uint64_t samples = 0;
  int workers = 0;                 // daemons that have answered something
  std::vector<std::string> notes;  // why others have not, or not all that they were asked for
};

// InvalidArgument: the input is broken, or not what the model reads; nothing is written then.
absl::StatusOr<Predicted> Predict(const TrainedModel& trained, const PredictRequest& request);

}  // namespace paracord
