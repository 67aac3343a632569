// What a layer makes of the samples that it is given, and which tensors that takes.
//
// Tensors have PyTorch's names and orders of axes, so that exported weights load there. First
// values:
//
//   linear, conv2d   uniform in +-1/sqrt(n), n inputs of each output: PyTorch's, too
//   norms            weight 1, bias 0; running mean 0 and variance 1
//   embedding,       uniform in +-sqrt(3)/50: a deviation of 0.02, as in GPT-2, which leaves the
//   positions        logits of a tied last layer near 0 and so the first loss near log(classes)
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
