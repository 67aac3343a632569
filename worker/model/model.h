// A job's model on one device, and a pass through it: forward, loss, backward over one slice of a
// batch.
//
// The model is immutable and shared; a pass belongs to one thread and is used for one virtual
// worker after another. The bits of a pass depend on the weights, the slice and its context, never
// on the passes before it or beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "common/job/model_spec.h"
#include "worker/model/forward_again.h"
#include "worker/model/layer.h"
#include "worker/model/layer_graph.h"
#include "worker/model/loss.h"
#include "worker/model/pass_layout.h"
#include "worker/tensor/device.h"

namespace paracord {

// Pointers to the tensors of ModelSpec::tensors, in order; read only, shared by all passes. In the
// device's memory, as are all pointers here.
using Weights = std::vector<const float*>;
// One buffer a tensor, same order; Backward overwrites (never adds to) them.
using Gradients = std::vector<float*>;

// One slice of a batch.
struct Batch {
  const float* features;  // [rows, input], contiguous
  const float* labels;    // [rows, label_width], see ModelSpec::label_floats
  int64_t rows;           // may be 0
};

// Called with floats of the model, its tensors one after the other: before these weights are read
// (forward); after their gradients are complete and they are read no more (backward, layers from
// the model's end to its begin, leaving out nothing). May be empty. Not OK: the pass stops and
// returns it.
using FloatsHook = std::function<absl::Status(const FloatRange&)>;

class Model {
 public:
  // InvalidArgument: shapes or tensors that contradict one another. The device outlives the model.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const ModelSpec& spec, Device& device);

  const ModelSpec& spec() const { return spec_; }
  Device& device() const { return device_; }
  int64_t label_width() const { return loss_.label_width(); }
  // What Backward's hook will be called with, in that order.
  std::vector<FloatRange> BackwardParts() const;
  // Memory of a pass over so many rows, without scratch.
  int64_t PassFloats(int64_t rows) const;

 private:
  friend class Pass;

  Model(const ModelSpec& spec, Device& device) : spec_(spec), device_(device), loss_(spec) {}
  absl::Status CheckRead(const LayerSpec& spec, int32_t from, int64_t values) const;
  absl::Status AddLayer(const LayerSpec& spec);
  void Finish();
  FloatRange FloatsOf(size_t layer) const;
  FloatRange FloatsOf(size_t layer, int part) const;
  // Which part of the layer Backward computes after `done` others.
  int BackwardPart(size_t layer, int done) const;

  ModelSpec spec_;
  Device& device_;
  Loss loss_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<uint64_t> floats_before_;  // each tensor; one more at the end
  LayerGraph graph_;
  ForwardAgain again_;
  std::vector<std::vector<uint32_t>> tensors_of_;  // that a layer reads: a tied weight, its own
  std::vector<size_t> last_reader_;                // of each tensor: the last layer that reads it
  std::vector<bool> is_shared_;                    // several layers read it
  size_t first_trained_ = 0;  // the first layer with tensors; the number of layers if none has any
};

class Pass {
 public:
  // Room for slices of at most max_rows rows. If the device has none, Forward says so. `adds`:
  // Backward may be asked to add.
  Pass(const Model& model, int64_t max_rows, bool adds = false);

  absl::Status Forward(const Weights& weights, const Batch& batch, const PassContext& context,
                       const FloatsHook& before_reading);
  // After Forward, once: the loss summed over the rows. InvalidArgument: a label is out of the
  // model's range; names row and label.
  absl::StatusOr<double> Loss(const Batch& batch);
  // After Forward, before Loss: the model's outputs [rows, outputs], as they go into the loss; on
  // the host.
  absl::Status CopyOutputs(const Batch& batch, float* to) const;
  // After Forward: sums over the rows, SumFloats of each metric (see metric.h).
  std::vector<double> Metrics(const Batch& batch, const std::vector<MetricKind>& metrics);
  // After Loss, once, with the weights and the batch of Forward: gradients of loss_sum *
  // gradient_scale. rows == 0: all gradients are +0.0, and the hooks are called. `add`: the batch
  // is another part of the slice, whose gradients are added to those of the parts before, layer by
  // layer.
  absl::Status Backward(const Weights& weights, const Batch& batch, float gradient_scale,
                        const Gradients& gradients, const FloatsHook& when_complete,
                        bool add = false);

 private:
  absl::Status AllocateBuffers();
  absl::Status CheckForward(const Weights& weights, const Batch& batch) const;
  float* Place(int buffer) const;  // null for PassLayout::kNone
  // Where it lies during the forward or the backward calls.
  const float* Value(int value, const Batch& batch, const PassLayout::Outcome& of) const;
  absl::Status ForwardLayer(size_t layer, const Weights& weights, const Batch& batch,
                            const FloatsHook& before_reading);
  void ForwardPart(size_t layer, int part, const Weights& weights, const Batch& batch,
                   const PassLayout::Outcome& to);
  absl::Status BackwardLayer(size_t layer, const Weights& weights, const Batch& batch,
                             const Gradients& gradients, const FloatsHook& when_complete);
  void BackwardPart(size_t layer, int part, const Weights& weights, const Batch& batch,
                    const Gradients& gradients);
  void AddShares(size_t layer, int part, float* const* from, const Gradients& gradients);
  void SetGradientsOfNothing(size_t layer, const Weights& weights, const Gradients& gradients);
  void AddToSource(size_t layer, int64_t rows);

  const Model& model_;
  const Ops& ops_;
  int64_t max_rows_;
  const bool may_add_;
  absl::Status allocated_;
  PassLayout layout_;
  std::vector<Buffer> buffers_;  // by layout_
  Buffer shares_;                // of gradients, of one layer, before they are added
  Buffer scratch_;
  PassContext context_{};   // of the last Forward
  bool loss_done_ = false;  // the gradient of the logits is there
  bool adds_ = false;       // the Backward that runs
};

}  // namespace paracord
