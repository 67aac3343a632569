// Who reads whose output in a model, forward and backward.
//
// A value is the output of a layer that is no view, named by the layer's index, or the samples
// (kModelInput). Its gradient is the sum of what the layers that read it bring, added in the order
// in which Backward comes to them: from the model's end, of a layer that reads two the first input
// before the second.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "worker/model/layer.h"

namespace paracord {

class LayerGraph {
 public:
  LayerGraph() = default;
  explicit LayerGraph(const std::vector<std::unique_ptr<Layer>>& layers);

  // The values that a layer reads; the second is kModelInput unless it is an
  // add or a concat.
  int source(size_t layer) const { return source_[layer]; }
  int second(size_t layer) const { return second_[layer]; }
  // The value of the model, or of a layer: a view's is its input.
  int output() const { return value_.empty() ? kModelInput : value_.back(); }
  int value(size_t layer) const { return value_[layer]; }

  // A tensor lies on the way to the value.
  bool needs_gradient(int value) const {
    return value >= 0 && needs_gradient_[static_cast<size_t>(value)];
  }
  // Backward is called for the layer: it has tensors, or what it reads needs a gradient.
  bool goes_back(size_t layer) const { return goes_back_[layer]; }
  // Nobody has written to the gradient of what it reads when Backward comes to the layer.
  bool writes_source_first(size_t layer) const { return source_first_[layer]; }
  bool writes_second_first(size_t layer) const { return second_first_[layer]; }

 private:
  void FindWriters();

  std::vector<int> source_, second_, value_;
  std::vector<bool> needs_gradient_, goes_back_, reads_two_, source_first_, second_first_;
};

}  // namespace paracord
