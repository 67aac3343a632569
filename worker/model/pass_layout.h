// Where a pass over some rows keeps its values, gradients and what else it needs.
//
// Time: layer i's forward call is at i, the loss at n, then come the backward calls from the last
// layer's on, among them the forward calls that are made again. A value lives from its layer's
// forward call to the last call that reads it; a gradient from the first that writes to it to its
// layer's backward call. A layer that is computed again has two values, one for its readers on the
// way forward, one for those on the way back.
#pragma once

#include <memory>
#include <vector>

#include "worker/model/forward_again.h"
#include "worker/model/layer_graph.h"
#include "worker/model/placement.h"

namespace paracord {

struct PassLayout {
  static constexpr int kNone = -1;

  // Buffers, by layer.
  struct Outcome {           // of its forward call
    std::vector<int> value;  // its output; kNone: of a view, and of the samples
    std::vector<int> kept;
  };
  Outcome forward;            // of the first call
  Outcome backward;           // what is there on the way back: of the second call, if there is one
  std::vector<int> gradient;  // of its output
  // What its backward call writes its inputs' gradients to: the gradient itself, or, where another
  // layer has brought its share of that already, a buffer from which it is added.
  std::vector<int> source_gradient, second_gradient;
  int loss_gradient = kNone;  // of the model's output

  std::vector<int64_t> floats;  // of each buffer
  int64_t scratch = 0;
};

PassLayout LayOut(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
                  const ForwardAgain& again, const Ops& ops, int64_t rows, int64_t outputs);

}  // namespace paracord
