#include "worker/model/layer_graph.h"

namespace paracord {

LayerGraph::LayerGraph(const std::vector<std::unique_ptr<Layer>>& layers) {
  const auto value_of = [this](int32_t layer) {
    return layer < 0 ? kModelInput : value_[static_cast<size_t>(layer)];
  };
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerSpec& spec = layers[i]->spec();
    const bool reads_two = ReadsTwo(spec.kind), is_view = layers[i]->is_view();
    const int source = value_of(spec.source);
    const int second = reads_two ? value_of(spec.second) : kModelInput;
    const bool has_tensors = spec.tensor_count > 0 || spec.tied != kNotTied;
    const bool trains = has_tensors || needs_gradient(source) || needs_gradient(second);
    source_.push_back(source);
    second_.push_back(second);
    reads_two_.push_back(reads_two);
    value_.push_back(is_view ? source : static_cast<int>(i));
    needs_gradient_.push_back(trains && !is_view);
    goes_back_.push_back(trains && !is_view);
  }
  FindWriters();
}

void LayerGraph::FindWriters() {
  std::vector<bool> written(source_.size(), false);
  const auto write = [&written](int value) {
    if (value < 0) return false;
    const bool first = !written[static_cast<size_t>(value)];
    written[static_cast<size_t>(value)] = true;
    return first;
  };
  write(output());  // the loss does
  source_first_.resize(source_.size());
  second_first_.resize(source_.size());
  for (size_t i = source_.size(); i-- > 0;) {
    if (!goes_back_[i]) continue;
    source_first_[i] = write(source_[i]);
    second_first_[i] = reads_two_[i] && write(second_[i]);
  }
}

}  // namespace paracord
