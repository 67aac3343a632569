// One layer as a job file writes it: its word and its settings, no shapes yet.
//
//   linear           512, or {units: 512, bias: true, name: head, tied: tokens}
//   conv2d           {channels: 32, kernel: 3, stride: 1, padding: 0, groups: 1, bias: true}
//   max_pool,        2, or {size: 2, stride: 2, padding: 0}; the stride is the size if left out;
//   avg_pool         padding counts as zeros in an average
//   global_avg_pool  the mean of each channel
//   batch_norm       alone, or {epsilon: 0.00001, momentum: 0.1}
//   group_norm       8, or {groups: 8, epsilon: 0.00001}
//   layer_norm       alone, or {epsilon: 0.00001, bias: true}
//   rms_norm         alone, or {epsilon: 0.00001}
//   embedding        {vocabulary: 256, width: 128, columns: [4, 5], sum: false}: a row of its table
//                    for each value of the sample, or of the columns alone, counted from 0. With
//                    vocabulary: [300, 24] each column has rows of its own. sum adds a sample's
//                    rows
//   positions        one learned vector a place, added to the tokens
//   attention        8, or {heads: 8, kv_heads: 8, causal: false, rotary: false, bias: true}
//   dropout          0.1, or {rate: 0.1}
//   swiglu           silu of a row's first half times the second half
//   transpose        [length, width] to [width, length]; an image to a token for each of its points
//   columns          [0, 4]: these values of a flat sample, counted from 0, in this order
//   flatten, relu, tanh, sigmoid, gelu, silu
//
// A layer with tensors may have a name, which they then begin with. A linear layer with `tied` has
// the weight of the layer of that name and may leave out its units.
#pragma once

#include <optional>
#include <string>

#include "common/base/config.h"
#include "common/job/model_spec.h"

namespace paracord {

struct WrittenLayer {
  LayerSpec spec;
  std::string name;     // "": none
  std::string tied;     // name of the other layer; "": none
  bool rotary = false;  // attention
  ConfigNode settings;  // or the layer itself, if it has none
};

// Whether layers of this kind have weights to train.
bool HasWeights(LayerKind kind);

// nullopt: something is wrong with it, reported.
std::optional<WrittenLayer> ParseLayer(const ConfigNode& item);

}  // namespace paracord
