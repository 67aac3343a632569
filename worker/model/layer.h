// One step of a model: what a pass calls for each entry of a job's list of layers.
//
// A layer is immutable and shared by the passes of several threads; values, gradients and scratch
// belong to the pass. Samples are computed independently of one another, but for batch norm while
// it trains; gradients of tensors are sums over the samples of the call. A sample has the shape of
// the spec's input; `rows` are always samples.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "common/job/model_spec.h"
#include "worker/tensor/device.h"
#include "worker/tensor/ops.h"

namespace paracord {

struct PassContext {
  bool training;  // dropout active, batch norm by the slice's own statistics
  uint64_t seed;  // of the job
  uint64_t step;
  uint64_t first_row;  // place of the slice's first row in the whole batch: dropout is drawn by it,
                       // not by the cut
  uint32_t slices = 1;  // of the step, or micro-batches of slices: each brings 1 / slices of a
                        // kAveraged tensor's next value
};

struct ForwardCall {
  const Ops& ops;
  const PassContext& context;
  int part;
  int64_t rows;
  const float* const* tensors;  // a tied weight, if there is one, then the layer's own
  const float* input;           // [rows, input]
  const float* second;          // add, concat: the other input
  float* output;                // [rows, output]; may be `input` if the layer works in place
  float* kept;                  // KeptFloats, for Backward
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
  // [rows, input]; null: not wanted; may be `output_gradient` if the layer works in place, and is
  // then never null.
  float* input_gradient;
  float* second_gradient;   // add, concat: of the other input; null: not wanted
  float* const* gradients;  // of `tensors`; overwritten
  float* kept;              // as Forward left it; Backward may change it
  float* scratch;
};

class Layer {
 public:
  explicit Layer(const LayerSpec& spec) : spec_(spec) {}
  virtual ~Layer() = default;

  const LayerSpec& spec() const { return spec_; }
  int64_t inputs() const { return ShapeSize(spec_.input); }
  int64_t outputs() const { return ShapeSize(spec_.output); }

  // Puts into the device's memory what every call reads. Once, before any.
  virtual absl::Status Prepare(Device& device) { return absl::OkStatus(); }

  // What Backward reads of the forward pass; what nobody reads is overwritten by others.
  virtual bool reads_input() const { return false; }
  virtual bool reads_output() const { return false; }
  // The output is the input under another shape: neither call is ever made.
  virtual bool is_view() const { return false; }
  // Either call may be given one buffer for what it reads and what it writes.
  virtual bool works_in_place() const { return false; }
  // Of the pass, from the forward call to the backward call.
  virtual int64_t KeptFloats(const Ops& ops, int64_t rows) const { return 0; }
  // For the time of one call, of either kind.
  virtual int64_t ScratchFloats(const Ops& ops, int64_t rows) const { return 0; }

  // A large layer is computed in parts, a call each, so that the weights of one part may come, and
  // its gradients may leave, while another is computed. Forward goes from part 0 to the last,
  // Backward from the last to part 0. The cut depends on the layer's spec alone.
  virtual int parts() const { return 1; }
  // Of a layer of several parts: which floats of its tensors, one after the other, a part is about.
  // They cover all, in order. Forward of any part may also read the last tensor.
  virtual FloatRange FloatsOf(int part) const { return {}; }

  // Whether Forward may be given this input. `scratch`: ScratchFloats. InvalidArgument: names row
  // and value.
  virtual absl::Status CheckInput(const Ops& ops, int64_t rows, const float* input,
                                  float* scratch) const {
    return absl::OkStatus();
  }
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
