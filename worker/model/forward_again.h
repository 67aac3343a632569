// Which forward calls a pass makes twice, so that what they give need not be kept in between.
//
// Of a block of layers (LayerSpec::block) only what others read stays: its input, which was there
// before, and its output. Before the first backward call of the block, what its backward calls read
// is computed again from that. A forward call is a function of its arguments, so a gradient has the
// same bits either way.
//
// Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, section 4.1.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "worker/model/layer_graph.h"

namespace paracord {

// By layer: those whose forward calls are made again before Backward comes to it, in order.
using ForwardAgain = std::vector<std::vector<size_t>>;

// None, if the model does not recompute.
ForwardAgain FindForwardAgain(const ModelSpec& spec, const LayerGraph& graph,
                              const std::vector<std::unique_ptr<Layer>>& layers, const Ops& ops);

}  // namespace paracord
