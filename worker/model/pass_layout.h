// Where a pass over some rows keeps its values, gradients and what else it needs.
//
// Time: layer i's forward call is at i, the loss at n, layer i's backward call at 2n - i. A value
// lives from its layer's forward call to the last call that reads it; a gradient from the first
// that writes to it to its layer's backward call.
#pragma once

#include <memory>
#include <vector>

#include "worker/model/layer_graph.h"
#include "worker/model/placement.h"

namespace paracord {

struct PassLayout {
  static constexpr int kNone = -1;

  // Buffers, by layer.
  std::vector<int> value;     // its output; kNone: of a view, and of the samples
  std::vector<int> gradient;  // of its output
  std::vector<int> kept;
  // What its backward call writes its inputs' gradients to: the gradient itself, or, where another
  // layer has brought its share of that already, a buffer from which it is added.
  std::vector<int> source_gradient, second_gradient;
  int loss_gradient = kNone;  // of the model's output

  std::vector<int64_t> floats;  // of each buffer
  int64_t scratch = 0;
};

PassLayout LayOut(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
                  const Ops& ops, int64_t rows, int64_t outputs);

}  // namespace paracord
