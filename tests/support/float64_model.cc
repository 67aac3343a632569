#include "tests/support/float64_model.h"

#include <algorithm>

#include "tests/support/in_float64.h"
#include "worker/model/model.h"
#include "worker/tensor/reference_ops.h"
#undef float
#undef paracord

namespace paracord {
namespace {

namespace twin = paracord_float64;

// The host's memory and the plain operations.
class Float64Device final : public twin::Device {
 public:
  absl::StatusOr<twin::Buffer> Allocate(int64_t count) override {
    return twin::Buffer(new double[static_cast<size_t>(count)], count,
                        [](void*, double* data) { delete[] data; });
  }
  absl::Status CopyIn(const double* host, int64_t count, double* to) override {
    std::copy_n(host, count, to);
    return absl::OkStatus();
  }
  absl::Status CopyOut(const double* from, int64_t count, double* host) override {
    std::copy_n(from, count, host);
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  const twin::Ops& ops() const override { return ops_; }
  bool host_memory() const override { return true; }
  twin::ComputeClass compute_class() const override { return {}; }

 private:
  twin::ReferenceOps ops_;
};

twin::Weights PointersTo(const std::vector<Doubles>& weights) {
  twin::Weights pointers;
  for (const Doubles& tensor : weights) pointers.push_back(tensor.data());
  return pointers;
}

}  // namespace

struct Float64Model::Parts {
  Float64Device device;
  std::unique_ptr<twin::Model> model;
  std::unique_ptr<twin::Pass> pass;
};

Float64Model::Float64Model(const ModelSpec& spec, int64_t rows) : parts_(new Parts) {
  parts_->model = twin::Model::Build(spec, parts_->device).value();
  parts_->pass = std::make_unique<twin::Pass>(*parts_->model, rows);
}

Float64Model::~Float64Model() = default;

double Float64Model::Loss(const std::vector<Doubles>& weights, const Float64Batch& batch) {
  const twin::Batch slice{batch.features.data(), batch.labels.data(), batch.rows};
  const twin::PassContext context{true, batch.seed, batch.step, batch.first_row};
  PARACORD_CHECK(parts_->pass->Forward(PointersTo(weights), slice, context, nullptr).ok());
  return parts_->pass->Loss(slice).value();
}

std::vector<Doubles> Float64Model::Gradients(const std::vector<Doubles>& weights,
                                             const Float64Batch& batch, double scale) {
  Loss(weights, batch);
  std::vector<Doubles> gradients;
  twin::Gradients to;
  for (const Doubles& tensor : weights) gradients.emplace_back(tensor.size());
  for (Doubles& tensor : gradients) to.push_back(tensor.data());
  const twin::Batch slice{batch.features.data(), batch.labels.data(), batch.rows};
  PARACORD_CHECK(parts_->pass->Backward(PointersTo(weights), slice, scale, to, nullptr).ok());
  return gradients;
}

double Float64Loss(const ModelSpec& spec, int64_t rows, const Doubles& logits,
                   const Doubles& labels, Doubles* gradient) {
  Float64Device device;
  twin::Loss loss(spec);
  PARACORD_CHECK(loss.Place(device).ok());
  gradient->resize(logits.size());
  return loss.Compute(device.ops(), rows, logits.data(), labels.data(), gradient->data());
}

}  // namespace paracord
