// What one thread needs to compute slices, one after another: of a batch forward and backward, of
// the test set forward. The bits of a slice do not depend on the lane, nor on what others do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/buffer_pool.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/sampler.h"
#include "worker/bucket.h"
#include "worker/data/dataset.h"
#include "worker/model/model.h"
#include "worker/parameter_client.h"
#include "worker/slice_reader.h"
#include "worker/staged_pass.h"

namespace paracord {

// What a lane works on.
struct LanePlan {  // shared by all lanes, which it outlives
  const JobSpec& spec;
  const BlockGrid& grid;
  const Model& model;
  const Dataset& train;
  const Dataset* test;  // or null
  const Sampler& sampler;
  const std::vector<BlockRun>& runs;
  ParameterClient& client;
  BufferPool& pool;
  // A slice of this step is skipped, and why; from any lane's thread.
  const std::function<void(uint64_t step, const std::string& why)>& on_skip;
};

// The metrics tensor: each slice's share of it is a leaf, the sum over a step's slices is the
// step's. Floats: the training loss; the step, in two parts, told by slice 0 alone; if the step
// began with an evaluation, test loss and the sums of the job's metrics (metric.h); if evaluations
// decide something, what they have led to, told by slice 0 (evaluation_watch.h); and if slices may
// be skipped, last, whether this one is, of which the servers make how many steps have been, this
// one included.
class Leaf {
 public:
  static constexpr size_t kStep = 1, kEvaluation = 3;

  Leaf() = default;
  Leaf(size_t floats, uint64_t step, uint32_t slice) : values_(floats, 0.0f) {
    if (slice > 0) return;
    values_[kStep] = static_cast<float>(step % kPart);
    values_[kStep + 1] = static_cast<float>(step / kPart);
  }
  static uint64_t StepOf(const float* sum) {
    return static_cast<uint64_t>(sum[kStep + 1]) * kPart + static_cast<uint64_t>(sum[kStep]);
  }
  float& operator[](size_t i) { return values_[i]; }
  // Of a job that may: the slice has no loss and is told to be skipped.
  void Skip() {
    values_.front() = 0;
    values_.back() = 1;
  }
  // As a tensor of its own.
  Payload Take(BufferPool& pool) const;

 private:
  static constexpr uint64_t kPart = 1 << 20;
  std::vector<float> values_;
};

class Lane {
 public:
  explicit Lane(const LanePlan& plan);

  struct Slice {
    uint64_t step;
    uint32_t number;       // virtual worker
    float gradient_scale;  // of the sum over the slice's samples
  };
  // Forward and backward with the weights that the client has or gets. `after_loss` is called when
  // the leaf's loss is known and nothing was handed over; `hand_over` for each run of blocks whose
  // gradients are complete, in the order of the runs, with a buffer of the whole model's.
  // Not OK: it ends here. NonFinite: the loss or a gradient is no finite number; of that gradient
  // nothing was handed over. If the job skips such a step, nothing at all is handed over before all
  // of it is known to be finite, and otherwise poison (poison.h); NonFinite are then only weights.
  using HandOver = std::function<absl::Status(size_t run, const FloatBuffer& gradients)>;
  absl::Status Train(const Slice& slice, Leaf* leaf, const std::function<void()>& after_loss,
                     const HandOver& hand_over);
  // Of the test set's slice, as shares of the whole set.
  absl::Status Evaluate(uint32_t slice, Leaf* leaf);

  // Spent computing since this was last asked, in seconds.
  double TakeBusy();

 private:
  struct Part {  // of a slice: a micro-batch
    Batch batch;
    PassContext context;
  };
  Part PartOf(const Slice& slice, const Batch& whole, uint32_t number) const;
  // The slice's loss, and the gradients of its parts but for the last one's, which are to be added.
  absl::StatusOr<double> BeforeLastPart(const Slice& slice, const Batch& whole,
                                        const Weights& weights, const Gradients& gradients,
                                        const FloatsHook& before_reading);
  Weights CurrentWeights() const;
  absl::Status CheckLoss(float loss, const Slice& slice) const;
  // As soon as they are complete, when they are still in a cache.
  absl::Status CheckGradients(const FloatRange& floats, const float* gradients,
                              const Slice& slice) const;
  // With weights that are not finite no step would ever count again.
  absl::Status CheckWeights(const Slice& slice) const;
  // What was `computed` of the slice leaves whole, or poisoned if that is NonFinite.
  absl::Status HandOverWhole(const absl::Status& computed, const Slice& slice,
                             const FloatBuffer& gradients, Leaf* leaf,
                             const HandOver& hand_over) const;
  FloatRange ModelFloats() const;

  const LanePlan& plan_;
  const uint32_t metrics_tensor_;
  const int64_t evaluation_rows_;
  StagedPass pass_;
  SliceReader train_;
  std::unique_ptr<SliceReader> test_;
  double busy_ = 0;
};

}  // namespace paracord
