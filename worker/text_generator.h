// Text that goes on from a prompt, token after token, each drawn by what the model gives for the
// one after the last. The model sees as many of the last tokens as its input is long, and all of
// them anew for each token.
//
// A pure function of the weights, the prompt and the request: the same seed gives the same text on
// one compute class.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "worker/text_vocabulary.h"
#include "worker/trained_model.h"

namespace paracord {

struct GenerateRequest {
  std::string prompt;
  uint64_t tokens = 100;   // to add
  double temperature = 1;  // logits are divided by it; 0: always the likeliest token
  int64_t top_k = 0;       // only the likeliest so many are drawn from; 0: all
  uint64_t seed = 0;
};

// Of tokens [0, count): the likeliest, the first of equal ones, if the temperature is 0; else the
// one at `unit` of [0, 1) when their shares stand side by side, the likeliest first. Logits are
// finite.
int64_t DrawToken(const float* logits, int64_t count, double temperature, int64_t top_k,
                  double unit);

// What follows the prompt. InvalidArgument: the prompt is empty, or the model is none that gives a
// token for each one before it without looking ahead.
absl::StatusOr<std::string> Generate(const TrainedModel& trained, const TextVocabulary& vocabulary,
                                     const GenerateRequest& request);

}  // namespace paracord
