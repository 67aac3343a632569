// Some of a flat sample's values: a table's numbers, while its categories go through an embedding.
#pragma once

#include "worker/model/column_runs.h"
#include "worker/model/layer.h"

namespace paracord {

class Columns final : public Layer {
 public:
  explicit Columns(const LayerSpec& spec) : Layer(spec), runs_(spec.columns) {}

  void Forward(const ForwardCall& call) const override {
    runs_.Gather(call.ops, call.rows, inputs(), call.input, call.output);
  }
  void Backward(const BackwardCall& call) const override {
    if (call.input_gradient == nullptr) return;
    call.ops.Clear(call.rows * inputs(), call.input_gradient);
    runs_.Scatter(call.ops, call.rows, inputs(), call.output_gradient, call.input_gradient);
  }

 private:
  const ColumnRuns runs_;
};

}  // namespace paracord
