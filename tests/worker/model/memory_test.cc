#include "tests/support/model_of.h"
#include "tests/worker/model/model_fixture.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {
namespace {

// The host's memory, of which there is little.
class SmallDevice final : public Device {
 public:
  explicit SmallDevice(int64_t floats) : left_(floats) {}

  absl::StatusOr<Buffer> Allocate(int64_t floats) override {
    if (floats > left_) return absl::ResourceExhaustedError("found less; expected more");
    left_ -= floats;
    return cpu_.Allocate(floats);
  }
  absl::Status CopyIn(const float* host, int64_t floats, float* to) override {
    return cpu_.CopyIn(host, floats, to);
  }
  absl::Status CopyOut(const float* from, int64_t floats, float* host) override {
    return cpu_.CopyOut(from, floats, host);
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  const Ops& ops() const override { return cpu_.ops(); }
  bool host_memory() const override { return true; }
  ComputeClass compute_class() const override { return cpu_.compute_class(); }

 private:
  CpuDevice cpu_;
  int64_t left_;
};

std::string Refused(const ModelSpec& spec, int64_t floats) {
  SmallDevice device(floats);
  const std::unique_ptr<Model> model = Model::Build(spec, device).value();
  Pass pass(*model, 20);
  const std::vector<float> x(600, 0.5f), y(20, 0.0f);
  Weights weights;
  const std::vector<float> zeros(100000, 0.0f);
  for (size_t i = 0; i < spec.tensors.size(); ++i) weights.push_back(zeros.data());
  const absl::Status status =
      pass.Forward(weights, {x.data(), y.data(), 20}, {false, 1, 0, 0}, nullptr);
  if (status.ok()) return "";
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
  return std::string(status.message());
}

}  // namespace

TEST_CASE("a pass without memory names the layer that has none and what it takes in all") {
  const ModelSpec spec = ModelOf("[30]", "[{linear: 500}, tanh, {linear: 7}]");
  CHECK(Refused(spec, 1 << 20) == "");
  const std::string first = Refused(spec, 100);
  CHECK(first.find("a pass over 20 rows takes ") == 0);
  CHECK(first.find(" bytes; at layer 0 (linear): found less; expected more") != std::string::npos);
}

}  // namespace paracord
