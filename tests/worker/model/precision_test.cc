#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/model_of.h"
#include "tests/support/reference_device.h"
#include "tests/worker/model/model_fixture.h"

namespace paracord {
namespace {

const std::vector<std::pair<std::string, std::string>> kModels = {
    {"[30]", "[{linear: 40}, tanh, {linear: 7}]"},
    {"[600]", "[{linear: 550}, tanh, {linear: 3}]"},
    {"[2, 6, 6]",
     "[{conv2d: {channels: 8, kernel: 3, padding: 1}}, tanh,"
     " {conv2d: {channels: 6, kernel: 2, groups: 2, bias: false}}, flatten, {linear: 4}]"},
    {"[6, 8]",
     "[layer_norm, {residual: [{attention: {heads: 2, causal: true}}]},"
     " {residual: [layer_norm, {linear: 16}, gelu, {linear: 8}]}, flatten]"}};

ModelSpec InBfloat16(ModelSpec spec) {
  spec.precision = Precision::kBfloat16;
  return spec;
}

Floats Rounded(const Floats& values) {
  Floats out(values.size());
  CpuDevice().ops().RoundToBfloat16(static_cast<int64_t>(values.size()), values.data(), out.data());
  return out;
}

// Largest difference of two gradients, of the largest value of the second.
double Distance(const Floats& actual, const Floats& expected) {
  double largest = 1e-6, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("in bf16 a linear layer is the one of its rounded samples and weights, bit for bit") {
  const ModelSpec spec = ModelOf("[30]", "[{linear: {units: 9, bias: false}}]");
  Fixture rounded(InBfloat16(spec), 3, 20), exact(spec, 3, 20);
  Pass one(rounded.model(), 20), other(exact.model(), 20);
  const double loss = rounded.LossAndGradients(one, rounded.All(), kTraining, 0.1f);
  const Batch all = exact.All();
  const Floats features = Rounded(Floats(all.features, all.features + 20 * 30));
  CHECK(loss != exact.Loss(other, all, kTraining));
  exact.weights()[0] = Rounded(exact.weights()[0]);
  CHECK(exact.Loss(other, {features.data(), all.labels, 20}, kTraining) == loss);
}

TEST_CASE("gradients in bf16 are those of float32 within a few times its rounding") {
  uint64_t seed = 500;
  for (const auto& [input, layers] : kModels) {
    CAPTURE(layers);
    const ModelSpec spec = ModelOf(input, layers);
    Fixture rounded(InBfloat16(spec), ++seed, 8), exact(spec, seed, 8);
    Pass one(rounded.model(), 8), other(exact.model(), 8);
    const double loss = exact.LossAndGradients(other, exact.All(), kTraining, 0.1f);
    CHECK(rounded.LossAndGradients(one, rounded.All(), kTraining, 0.1f) ==
          Approx(loss).epsilon(0.01));
    bool differs = false;
    for (size_t t = 0; t < spec.tensors.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      CHECK(Distance(rounded.gradients()[t], exact.gradients()[t]) < 0.03);
      differs = differs || rounded.gradients()[t] != exact.gradients()[t];
    }
    CHECK(differs);
  }
}

TEST_CASE(
    "a model in bf16 on the plain loops gives the same but where a rounding falls elsewhere") {
  uint64_t seed = 600;
  for (const auto& [input, layers] : kModels) {
    CAPTURE(layers);
    const ModelSpec spec = InBfloat16(ModelOf(input, layers));
    Fixture fixture(spec, ++seed, 8);
    Pass pass(fixture.model(), 8);
    const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.1f);
    const std::vector<Floats> gradients = fixture.gradients();
    ReferenceDevice device;
    const std::unique_ptr<Model> model = Model::Build(spec, device).value();
    Pass plain(*model, 8);
    CHECK(fixture.LossAndGradients(plain, fixture.All(), kTraining, 0.1f) ==
          Approx(loss).epsilon(1e-3));
    for (size_t t = 0; t < gradients.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      CHECK(Distance(gradients[t], fixture.gradients()[t]) < 0.01);
    }
  }
}

TEST_CASE("a bf16 gradient does not depend on the passes before it, and parts of a slice add up") {
  const ModelSpec spec = InBfloat16(ModelOf(kModels[2].first, kModels[2].second));
  Fixture fixture(spec, 700, 8);
  Pass used(fixture.model(), 8, true), fresh(fixture.model(), 8);
  const double loss = fixture.LossAndGradients(fresh, fixture.All(), kTraining, 0.1f);
  const std::vector<Floats> expected = fixture.gradients();
  fixture.LossAndGradients(used, fixture.Slice(2, 3), kTraining, 1.0f);
  CHECK(fixture.LossAndGradients(used, fixture.All(), kTraining, 0.1f) == loss);
  CHECK(fixture.gradients() == expected);
  fixture.LossAndGradients(used, fixture.Slice(0, 4), kTraining, 0.1f);
  fixture.Loss(used, fixture.Slice(4, 4), kTraining);
  REQUIRE(used.Backward(fixture.WeightPointers(), fixture.Slice(4, 4), 0.1f,
                        fixture.GradientPointers(), nullptr, true)
              .ok());
  for (size_t t = 0; t < expected.size(); ++t) {
    CHECK(Distance(fixture.gradients()[t], expected[t]) < 1e-5);
  }
}

}  // namespace paracord
