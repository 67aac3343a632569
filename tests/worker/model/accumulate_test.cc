#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "common/job/sampler.h"
#include "tests/support/plain_pass.h"
#include "tests/worker/model/layers_drawer.h"
#include "tests/worker/model/model_fixture.h"

namespace paracord {
namespace {

// Calls visit(batch, context, first) for each of a slice's micro-batches.
template <class Visit>
void ForEachPart(const Fixture& fixture, int64_t rows, uint32_t parts, const Visit& visit) {
  for (uint32_t part = 0; part < parts; ++part) {
    const auto [first, last] = SliceOf(static_cast<uint64_t>(rows), parts, part);
    PassContext context = kTraining;
    context.first_row += first;
    context.slices = parts;
    visit(fixture.Slice(static_cast<int64_t>(first), static_cast<int64_t>(last - first)), context,
          part == 0);
  }
}

double InParts(Fixture& fixture, Pass& pass, int64_t rows, uint32_t parts) {
  double loss = 0;
  ForEachPart(fixture, rows, parts,
              [&](const Batch& batch, const PassContext& context, bool first) {
                loss += fixture.Loss(pass, batch, context);
                REQUIRE(pass.Backward(fixture.WeightPointers(), batch, 0.25f,
                                      fixture.GradientPointers(), nullptr, !first)
                            .ok());
              });
  return loss;
}

void CheckPlainSum(const ModelSpec& spec, uint64_t seed, int64_t rows, uint32_t parts) {
  Fixture fixture(spec, seed, rows);
  Pass pass(fixture.model(), (rows + parts - 1) / parts, true);
  const double loss = InParts(fixture, pass, rows, parts);
  std::vector<Floats> expected;
  PlainPass plain(spec);
  double plain_loss = 0;
  ForEachPart(
      fixture, rows, parts, [&](const Batch& batch, const PassContext& context, bool first) {
        plain_loss += plain.Run(fixture.WeightPointers(), batch, context, 0.25f, &expected, !first);
      });
  CHECK(loss == plain_loss);
  for (size_t t = 0; t < expected.size(); ++t) {
    CAPTURE(spec.tensors[t].name);
    CHECK(std::memcmp(expected[t].data(), fixture.gradients()[t].data(),
                      expected[t].size() * sizeof(float)) == 0);
  }
}

}  // namespace

TEST_CASE(
    "the gradients of a slice's parts are added in the order of the parts, whatever the"
    " graph") {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    ModelSpec spec = DrawModel(seed);
    spec.recompute = seed % 2 == 0;
    CheckPlainSum(spec, seed, 7, 1 + seed % 4);
  }
}

TEST_CASE("a large layer adds in parts, its bias and a weight that two layers read included") {
  CheckPlainSum(ModelOf("[600]", "[{linear: 550}, tanh, {linear: 3}]"), 3, 6, 3);
  CheckPlainSum(
      ModelOf("[600]", "[{linear: {units: 600, name: one}}, tanh, {linear: {tied: one}}]"), 4, 6,
      2);
}

TEST_CASE("parts of a slice give its loss and gradients but for rounding, dropout included") {
  int compared = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const ModelSpec spec = DrawModel(seed);
    if (std::any_of(spec.layers.begin(), spec.layers.end(), [](const LayerSpec& layer) {
          return layer.kind == LayerKind::kBatchNorm;  // by its part's own statistics
        })) {
      continue;
    }
    ++compared;
    Fixture fixture(spec, seed, 8);
    Pass whole(fixture.model(), 8), part(fixture.model(), 2, true);
    const double loss = fixture.LossAndGradients(whole, fixture.All(), kTraining, 0.25f);
    const std::vector<Floats> expected = fixture.gradients();
    CHECK(InParts(fixture, part, 8, 4) == Approx(loss).epsilon(1e-12));
    for (size_t t = 0; t < expected.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      float largest = 1e-3f;
      for (const float value : expected[t]) largest = std::max(largest, std::abs(value));
      for (size_t i = 0; i < expected[t].size(); ++i) {
        CHECK(std::abs(expected[t][i] - fixture.gradients()[t][i]) <= 1e-4f * largest);
      }
    }
  }
  CHECK(compared > 15);
}

TEST_CASE("running averages are the mean over the parts, a part without rows keeping its share") {
  const ModelSpec spec = ModelOf("[2]", "[{batch_norm: {momentum: 0.25}}]");
  Fixture fixture(spec, 5, 2);
  fixture.weights() = {{1, 2}, {0, 1}, {4, -8}, {2, 3}};
  Pass pass(fixture.model(), 1, true);
  InParts(fixture, pass, 2, 4);  // of 0, 1, 0 and 1 rows
  for (size_t c = 0; c < 2; ++c) {
    const double old_mean = fixture.weights()[2][c], old_variance = fixture.weights()[3][c];
    const double a = fixture.All().features[c], b = fixture.All().features[2 + c];
    CHECK(fixture.gradients()[2][c] ==
          Approx((2 * old_mean + 2 * 0.75 * old_mean + 0.25 * (a + b)) / 4).epsilon(1e-5));
    CHECK(fixture.gradients()[3][c] ==
          Approx((2 * old_variance + 2 * 0.75 * old_variance) / 4).epsilon(1e-5));
  }
}

TEST_CASE("a slice without rows adds nothing, and its first part is +0.0") {
  const ModelSpec spec = Mlp(LossKind::kSoftmaxCrossEntropy);
  Fixture fixture(spec, 7, 1);
  Pass pass(fixture.model(), 1, true);
  InParts(fixture, pass, 0, 3);
  for (const Floats& gradient : fixture.gradients()) {
    for (const float value : gradient) CHECK((value == 0.0f && !std::signbit(value)));
  }
  fixture.LossAndGradients(pass, fixture.All(), kTraining, 1.0f);
  const std::vector<Floats> before = fixture.gradients();
  const Batch none = {nullptr, nullptr, 0};
  fixture.Loss(pass, none, kTraining);
  REQUIRE(
      pass.Backward(fixture.WeightPointers(), none, 1.0f, fixture.GradientPointers(), nullptr, true)
          .ok());
  CHECK(fixture.gradients() == before);
}

}  // namespace paracord
