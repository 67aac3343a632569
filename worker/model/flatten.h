// A sample of any shape as one row. Values stay where they are.
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Flatten final : public Layer {
 public:
  explicit Flatten(const LayerSpec& spec) : Layer(spec) {}

  bool is_view() const override { return true; }
  void Forward(const ForwardCall&) const override {}
  void Backward(const BackwardCall&) const override {}
};

}  // namespace paracord
