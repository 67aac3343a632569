// Which tensor of a file becomes which tensor of a model: by the same name, or by the one that the
// job's `init.map` gives. All of the model's tensors must be there, and nothing else; a weight that
// several layers share is one tensor of the model and stands in the file once. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/safetensors_file.h"
#include "common/job/model_spec.h"

namespace paracord {

struct WeightsMatch {
  std::vector<size_t> sources;          // for each of the model's tensors: its place in the file
  std::vector<std::string> mismatches;  // all there are, for people; none: `sources` is good
};

// `tensors`: of the model, in order, perhaps with the metrics' (kSum) behind them, which is no
// weight and is passed over. `map`: names in the model -> names in the file.
WeightsMatch MatchWeights(const std::vector<TensorSpec>& tensors,
                          const std::map<std::string, std::string>& map,
                          const std::vector<StoredTensor>& file);

// The sources alone, in a file that was opened. InvalidArgument: all mismatches, a line each,
// "PATH: MISMATCH".
absl::StatusOr<std::vector<size_t>> SourcesIn(const SafetensorsFile& file,
                                              const std::vector<TensorSpec>& tensors,
                                              const std::map<std::string, std::string>& map);

}  // namespace paracord
