#include "worker/model/forward_again.h"

#include <algorithm>

namespace paracord {
namespace {

// Of each value: somebody reads it who is not in its layer's block.
std::vector<bool> FindOutputs(const ModelSpec& spec, const LayerGraph& graph,
                              const std::vector<std::unique_ptr<Layer>>& layers) {
  std::vector<bool> leaves(layers.size(), false);
  if (graph.output() >= 0) leaves[static_cast<size_t>(graph.output())] = true;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i]->is_view()) continue;
    for (const int value : {graph.source(i), graph.second(i)}) {
      if (value < 0) continue;
      const auto from = static_cast<size_t>(value);
      if (spec.layers[from].block != spec.layers[i].block) leaves[from] = true;
    }
  }
  return leaves;
}

}  // namespace

ForwardAgain FindForwardAgain(const ModelSpec& spec, const LayerGraph& graph,
                              const std::vector<std::unique_ptr<Layer>>& layers, const Ops& ops) {
  ForwardAgain again(layers.size());
  if (!spec.recompute) return again;
  const std::vector<bool> leaves = FindOutputs(spec, graph, layers);
  std::vector<bool> wanted(layers.size(), false);
  size_t last = 0;  // of the block
  for (size_t i = layers.size(); i-- > 0;) {
    if (i + 1 == layers.size() || spec.layers[i].block != spec.layers[i + 1].block) last = i;
    const Layer& layer = *layers[i];
    if (spec.layers[i].block == kNoBlock || layer.is_view()) continue;
    const auto want = [&wanted](int value) {
      if (value >= 0) wanted[static_cast<size_t>(value)] = true;
    };
    if (graph.goes_back(i)) {
      if (layer.reads_output() || layer.KeptFloats(ops, 1) > 0) wanted[i] = true;
      if (layer.reads_input()) want(graph.source(i));
    }
    if (!wanted[i] || leaves[i]) continue;
    want(graph.source(i));
    want(graph.second(i));
    again[last].push_back(i);
  }
  for (std::vector<size_t>& calls : again) std::reverse(calls.begin(), calls.end());
  return again;
}

}  // namespace paracord
