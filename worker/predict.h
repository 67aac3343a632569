// What a trained model says of samples in a file: batch after batch on several threads, written in
// the samples' order. The file has the same bytes whatever the threads and batches.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "worker/trained_model.h"

namespace paracord {

struct PredictRequest {
  std::string input;    // prediction_input.h
  std::string out;      // prediction_file.h
  bool logits = false;  // before softmax or logistic function
  int threads = 1;
};

// How many samples there were. InvalidArgument: the input is broken, or not what the model reads;
// nothing is written then.
absl::StatusOr<uint64_t> Predict(const TrainedModel& trained, const PredictRequest& request);

}  // namespace paracord
