#include "worker/staged_pass.h"

#include <catch2/catch.hpp>
#include <limits>
#include <memory>
#include <vector>

#include "tests/support/fake_gpu.h"
#include "tests/support/model_builder.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kRows = 6;

struct Outcome {
  double loss;
  std::vector<double> metrics;
  std::vector<Floats> gradients;
};

// Two micro-batches of a slice on that device, whose gradients add up. Weights come when they are
// asked for, no sooner.
Outcome TwoParts(Device& device, const ModelSpec& spec) {
  const auto model = Model::Build(spec, device).value();
  StagedPass pass(*model, kRows, true);
  std::vector<Floats> values, weights, gradients;
  Weights at;
  Gradients to;
  uint64_t seed = 0;
  for (const TensorSpec& tensor : spec.tensors) {
    values.push_back(RandomFloats(++seed, tensor.size(), 0.5f));
    weights.emplace_back(values.back().size(), std::numeric_limits<float>::quiet_NaN());
    gradients.emplace_back(values.back().size(), std::numeric_limits<float>::quiet_NaN());
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    at.push_back(weights[i].data());
    to.push_back(gradients[i].data());
  }
  const auto arrive = [&](const FloatRange& floats) {
    uint64_t place = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      for (size_t j = 0; j < weights[i].size(); ++j, ++place) {
        if (floats.begin <= place && place < floats.end) weights[i][j] = values[i][j];
      }
    }
    return absl::OkStatus();
  };
  Outcome outcome{0, {}, {}};
  for (const bool last : {false, true}) {
    const Floats features = RandomFloats(last ? 70 : 60, kRows * ShapeSize(spec.input), 1.0f);
    const Floats labels = {0, 2, 1, 1, 0, 2};
    const Batch batch = {features.data(), labels.data(), last ? kRows - 1 : kRows};
    REQUIRE(pass.Forward(at, batch, {true, 17, 3, 40}, arrive).ok());
    for (const double sum : pass.Metrics({MetricKind::kAccuracy})) outcome.metrics.push_back(sum);
    outcome.loss += pass.Loss().value();
    size_t told = 0;
    const FloatsHook tells = [&](const FloatRange& floats) {
      told += floats.size();
      return absl::OkStatus();
    };
    REQUIRE(pass.Backward(0.25f, to, last ? tells : FloatsHook(), last).ok());
    CHECK((told > 0) == last);
  }
  outcome.gradients = gradients;
  return outcome;
}

TEST_CASE("a pass on a device with memory of its own has the host's bits") {
  const ModelSpec spec = ModelBuilder({5})
                             .Linear(7)
                             .Add(LayerKind::kTanh)
                             .Dropout(0.3)
                             .Linear(3)
                             .Loss(LossKind::kSoftmaxCrossEntropy);
  CpuDevice host;
  FakeGpu gpu;
  const Outcome expected = TwoParts(host, spec), actual = TwoParts(gpu, spec);
  CHECK(actual.loss == expected.loss);
  CHECK(actual.metrics == expected.metrics);
  CHECK(actual.gradients == expected.gradients);
}

TEST_CASE("more rows than a staged pass has room for are refused") {
  const ModelSpec spec = ModelBuilder({5}).Linear(3).Loss(LossKind::kSoftmaxCrossEntropy);
  FakeGpu gpu;
  const auto model = Model::Build(spec, gpu).value();
  StagedPass pass(*model, 2);
  const Floats weight(15, 1.0f), bias(3, 0.0f), features(15, 1.0f), labels(3, 0.0f);
  const Weights weights = {weight.data(), bias.data()};
  const Batch three = {features.data(), labels.data(), 3},
              two = {features.data(), labels.data(), 2};
  CHECK(absl::IsInvalidArgument(pass.Forward(weights, three, {true, 1, 0, 0}, nullptr)));
  CHECK(pass.Forward(weights, two, {true, 1, 0, 0}, nullptr).ok());
}

}  // namespace
}  // namespace paracord
