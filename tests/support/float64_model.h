// A model that computes in float64 from end to end: the layers, losses and pass of the product and
// the plain operations, all compiled once more with doubles (in_float64.h). Differences of its loss
// are good to nine digits, which those of float32 never are.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/job/model_spec.h"

namespace paracord {

using Doubles = std::vector<double>;

// Samples with their labels, for training with dropout drawn by `seed`, step and row.
struct Float64Batch {
  Doubles features, labels;
  int64_t rows = 0;
  uint64_t seed = 0, step = 0, first_row = 0;
};

class Float64Model {
 public:
  // A spec that can be built, and the most rows of a batch; CHECKed, as are labels and ids.
  Float64Model(const ModelSpec& spec, int64_t rows);
  ~Float64Model();

  // Summed over the rows. `weights`: a tensor each, in the spec's order.
  double Loss(const std::vector<Doubles>& weights, const Float64Batch& batch);
  // Of loss * scale; what a kAveraged tensor has in a gradient's place comes too.
  std::vector<Doubles> Gradients(const std::vector<Doubles>& weights, const Float64Batch& batch,
                                 double scale);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// The loss alone, of logits: the sum over the rows, and its gradient.
double Float64Loss(const ModelSpec& spec, int64_t rows, const Doubles& logits,
                   const Doubles& labels, Doubles* gradient);

inline Doubles InFloat64(const std::vector<float>& values) {
  return Doubles(values.begin(), values.end());
}

}  // namespace paracord
