// A pass whose weights, batch and gradients lie in the host's memory, whatever the device. Where
// the device has memory of its own, weights go up when the pass is about to read them, and
// gradients come down when they are complete; on the host itself nothing is copied.
#pragma once

#include <vector>

#include "worker/model/model.h"

namespace paracord {

class StagedPass {
 public:
  // As Pass. What it needs on the device beside the pass is allocated here too.
  StagedPass(const Model& model, int64_t max_rows, bool adds = false);

  absl::Status Forward(const Weights& weights, const Batch& batch, const PassContext& context,
                       const FloatsHook& before_reading);
  // Of the batch of the last Forward.
  absl::StatusOr<double> Loss();
  std::vector<double> Metrics(const std::vector<MetricKind>& metrics);
  // With the weights and the batch of the last Forward. `gradients` are set where `when_complete`
  // is told of them; without it, and on a device with memory of its own, they stay there until a
  // Backward that adds.
  absl::Status Backward(float gradient_scale, const Gradients& gradients,
                        const FloatsHook& when_complete, bool add = false);

 private:
  absl::Status Allocate(int64_t max_rows);
  absl::Status CopyBatchIn(const Batch& batch);
  // Visits what of each tensor lies in `floats`: visit(tensor, first float of it, count).
  template <typename Visit>
  absl::Status ForEachPart(const FloatRange& floats, Visit visit) const;

  const Model& model_;
  Device& device_;
  const bool copies_;
  absl::Status allocated_;
  std::vector<Buffer> weights_, gradients_;  // by tensor
  Buffer features_, labels_;
  // Where the pass itself finds them.
  Weights pass_weights_;
  Gradients pass_gradients_;
  Batch batch_{};
  Pass pass_;
};

}  // namespace paracord
