// One step of a model: what a pass calls for each entry of a job's list of layers.
//
// A layer is immutable and shared by the passes of several threads; values, gradients and scratch
// belong to the pass. Rows are computed independently of one another, gradients of tensors are sums
// over the rows of the call.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "common/job/model_spec.h"
#include "worker/tensor/ops.h"

namespace paracord {

struct PassContext {
  bool training;  // dropout active
  uint64_t seed;  // of the job
  uint64_t step;
  uint64_t first_row;  // place of the slice's first row in the whole batch: dropout is drawn by it,
                       // not by the cut
};

struct ForwardCall {
  const Ops& ops;
  const PassContext& context;
  int part;
  int64_t rows;
  const float* const* tensors;  // the layer's own
  const float* input;           // [rows, input]
  float* output;                // [rows, output]; may be `input` unless Backward reads the input
  float* scratch;               // ScratchFloats
};

struct BackwardCall {
  const Ops& ops;
  const PassContext& context;  // of the forward call
  int part;
  int64_t rows;
  const float* const* tensors;
  const float* input;            // as after the forward call, if the layer reads it
  const float* output;           // the same
  const float* output_gradient;  // [rows, output]
  float* input_gradient;  // [rows, input]; null: not wanted; `output_gradient` if the layer has no
                          // tensors
  float* const* gradients;  // of the layer's tensors; overwritten
};

class Layer {
 public:
  explicit Layer(const LayerSpec& spec) : spec_(spec) {}
  virtual ~Layer() = default;

  const LayerSpec& spec() const { return spec_; }
  int64_t inputs() const { return ShapeSize(spec_.input); }
  int64_t outputs() const { return ShapeSize(spec_.output); }

  // What Backward reads of the forward pass; what nobody reads is overwritten by the next layer.
  virtual bool reads_input() const { return false; }
  virtual bool reads_output() const { return false; }
  // The output is the input under another shape: neither call is ever made.
  virtual bool is_view() const { return false; }
  virtual int64_t ScratchFloats(const Ops& ops, int64_t rows) const { return 0; }

  // A large layer is computed in parts, a call each, so that the weights of one part may come, and
  // its gradients may leave, while another is computed. Forward goes from part 0 to the last,
  // Backward from the last to part 0. The cut depends on the layer's spec alone.
  virtual int parts() const { return 1; }
  // Of a layer of several parts: which floats of its tensors, one after the other, a part is about.
  // They cover all, in order. Forward of any part may also read the last tensor.
  virtual FloatRange FloatsOf(int part) const { return {}; }

  virtual void Forward(const ForwardCall& call) const = 0;
  // The gradient of the input is complete before a gradient of a tensor is begun.
  virtual void Backward(const BackwardCall& call) const = 0;

 private:
  LayerSpec spec_;
};

// The layer of a spec that was checked. InvalidArgument: shapes or tensors that contradict one
// another.
absl::StatusOr<std::unique_ptr<Layer>> MakeLayer(const LayerSpec& spec, const ModelSpec& model);

}  // namespace paracord
