// What a layer makes of the samples that it is given, and which tensors that takes.
//
// Tensors have PyTorch's names and orders of axes, so that exported weights load there. First
// values:
//
//   linear, conv2d   uniform in +-1/sqrt(n), n inputs of each output: PyTorch's, too
//   norms            weight 1, bias 0; running mean 0 and variance 1
//   embedding,       uniform in +-0.5: about as large as what a residual with the values above
//   positions        adds to them; under much more, tokens and places were lost at first (the GPT
//                    of configs/jobs: 2.3 nats a byte after 500 steps from +-0.035, 1.9 from +-0.5)
//   embedding whose  uniform in +-1/sqrt(n), n rows of its table: it is a linear layer over as many
//   rows are summed  inputs, of which a sample has a 1 in each column
#pragma once

#include <string>
#include <vector>

#include "common/job/model_spec.h"

namespace paracord {

inline constexpr double kMostExtent = 2147483647;  // of one dimension; of a whole sample

// Sets the output of `layer`, whose settings and input are there, and gives its own tensors, in
// order, their names without the layer's. Returns what is wrong, "" if nothing is.
std::string ConnectLayer(LayerSpec* layer, std::vector<TensorSpec>* tensors);

}  // namespace paracord
