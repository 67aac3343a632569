// A model that is only asked: a job's layers with weights from a safetensors file. Immutable;
// passes of several threads share it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/model/model.h"
#include "worker/tensor/device.h"

namespace paracord {

// Where a model is asked. A GPU's memory is taken whole: only for who asks for a GPU by name.
inline DeviceKind PredictingDevice(const JobSpec& spec) {
  return spec.device == DeviceKind::kCuda ? DeviceKind::kCuda : DeviceKind::kCpu;
}

class TrainedModel {
 public:
  // InvalidArgument: the file's tensors are not the model's, all that differs at once.
  static absl::StatusOr<std::unique_ptr<TrainedModel>> Open(const JobSpec& spec,
                                                            const std::string& weights);

  const JobSpec& spec() const { return spec_; }
  const Model& model() const { return *model_; }
  ComputeClass compute_class() const { return device_->compute_class(); }
  int64_t outputs() const { return ShapeSize(spec_.model.output()); }  // floats a sample
  // Samples that a pass takes at a time; results do not depend on it.
  int64_t BatchRows() const;
  // One pass that does not train. `outputs` [rows, outputs()], as they go into the loss.
  absl::Status Ask(Pass* pass, const Batch& batch, float* outputs) const;

 private:
  explicit TrainedModel(const JobSpec& spec) : spec_(spec) {}
  absl::Status ReadWeights(const std::string& path);

  const JobSpec spec_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Model> model_;
  std::vector<Buffer> tensors_;  // in the device's memory
  Weights weights_;
};

}  // namespace paracord
