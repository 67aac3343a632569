#include "worker/model/loss.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/support/float64_model.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_builder.h"
#include "tests/worker/model/model_fixture.h"
#include "worker/tensor/cpu_device.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

// A model whose logits are its features.
ModelSpec Identity(LossKind kind, Shape shape, LossSettings settings = {}) {
  ModelSpec spec = ModelBuilder(std::move(shape)).Loss(kind);
  spec.loss_settings = std::move(settings);
  return spec;
}

struct Case {
  std::string name;
  ModelSpec spec;
};

std::vector<Case> AllLosses() {
  const LossKind softmax = LossKind::kSoftmaxCrossEntropy;
  const LossSettings smooth{.label_smoothing = 0.1}, weighted{.class_weights = {0.5, 3, 0, 1.25}},
      both{.label_smoothing = 0.4, .class_weights = {2, 0.5, 1, 4}}, positive{.positive_weight = 5};
  return {{"softmax", Identity(softmax, {4})},
          {"softmax over positions", Identity(softmax, {3, 4})},
          {"softmax over two axes of positions", Identity(softmax, {2, 3, 4})},
          {"smoothed", Identity(softmax, {4}, smooth)},
          {"weighted", Identity(softmax, {4}, weighted)},
          {"smoothed and weighted over positions", Identity(softmax, {5, 4}, both)},
          {"mse", Identity(LossKind::kMeanSquaredError, {4})},
          {"binary", Identity(LossKind::kBinaryCrossEntropy, {4})},
          {"binary, label 1 five times", Identity(LossKind::kBinaryCrossEntropy, {4}, positive)}};
}

// Random logits and labels of a loss.
struct Sample {
  Sample(const Loss& loss, int64_t count, uint64_t seed)
      : rows(count),
        logits(RandomFloats(seed, count * loss.outputs(), 2.0f)),
        labels(RandomFloats(seed + 1, count * loss.label_width(), 0.5f)),
        slopes(logits.size()) {
    for (float& label : labels) {
      label += 0.5f;
      if (loss.has_classes()) label = std::floor(label * static_cast<float>(loss.classes()));
    }
  }
  int64_t rows;
  Floats logits, labels, slopes;
};

}  // namespace

TEST_CASE("the gradient of every loss equals finite differences, in float32 and in double") {
  CpuDevice device;
  const ReferenceOps reference;
  for (const Case& one : AllLosses()) {
    Loss loss(one.spec);
    REQUIRE(loss.Place(device).ok());
    Sample sample(loss, 6, 40);
    REQUIRE(loss.CheckLabels(device.ops(), sample.rows, sample.labels.data()).ok());
    for (const Ops* ops : {&device.ops(), static_cast<const Ops*>(&reference)}) {
      Floats unused(sample.logits.size());
      const auto sum = [&](Floats& slopes) {
        return loss.Compute(*ops, sample.rows, sample.logits.data(), sample.labels.data(),
                            slopes.data());
      };
      const double value = sum(sample.slopes);
      CAPTURE(one.name, value, ops == &reference);
      CHECK(value > 0);
      const GradientReport report =
          CheckGradient(sample.logits, sample.slopes, [&] { return sum(unused); });
      CHECK(report.worst < (ops == &reference ? 2e-5 : 2e-4));
      CHECK(report.kinks == 0);
    }
  }
}

TEST_CASE("in float64 every loss's gradient is the differences' to eight digits") {
  CpuDevice device;
  for (const Case& one : AllLosses()) {
    CAPTURE(one.name);
    Loss loss(one.spec);
    REQUIRE(loss.Place(device).ok());
    Sample sample(loss, 6, 40);
    Doubles logits = InFloat64(sample.logits), gradient, unused;
    const Doubles labels = InFloat64(sample.labels);
    const double sum = Float64Loss(one.spec, sample.rows, logits, labels, &gradient);
    const GradientReport report = CheckGradient(
        logits, gradient,
        [&] { return Float64Loss(one.spec, sample.rows, logits, labels, &unused); }, kFloat64Steps);
    CHECK(report.worst < 1e-8);
    CHECK(report.kinks == 0);
    // And float32 on the device has it but for rounding.
    CHECK(loss.Compute(device.ops(), sample.rows, sample.logits.data(), sample.labels.data(),
                       sample.slopes.data()) == Approx(sum).epsilon(1e-6));
    for (size_t i = 0; i < gradient.size(); ++i) {
      CHECK(sample.slopes[i] == Approx(gradient[i]).epsilon(1e-5).margin(1e-6));
    }
  }
}

TEST_CASE("every loss there is is among those whose gradients are checked here") {
  std::set<std::string> all, checked;
  for (int kind = 0; kind < 256; ++kind) {
    const std::string name = Name(static_cast<LossKind>(kind));
    if (!name.empty()) all.insert(name);
  }
  for (const Case& one : AllLosses()) checked.insert(Name(one.spec.loss));
  CHECK(all.size() >= 3);
  CHECK(checked == all);
}

TEST_CASE("a pass over positions has a label for each, and the mean of their losses") {
  const ModelSpec spec = Identity(LossKind::kSoftmaxCrossEntropy, {3, 2});
  CpuDevice device;
  const auto model = Model::Build(spec, device).value();
  CHECK(model->label_width() == 3);
  const Floats features = {0, 0, 5, 0, 0, 1, 1, 1, 2, 2, 0, 0}, labels = {0, 0, 0, 1, 1, 0};
  const Batch batch = {features.data(), labels.data(), 2};
  Pass pass(*model, 2);
  REQUIRE(pass.Forward({}, batch, kTraining, nullptr).ok());
  const double half = std::log(2.0), sure = std::log1p(std::exp(-5)), wrong = std::log1p(M_E);
  CHECK(pass.Loss(batch).value() == Approx((half + sure + wrong) / 3 + half));
  CHECK(pass.Metrics(batch, {MetricKind::kAccuracy, MetricKind::kLogLoss})[0] ==
        Approx(2 / 3.0 + 1 / 3.0));
  const Floats bad = {0, 0, 0, 1, 2, 0};
  CHECK(pass.Loss({features.data(), bad.data(), 2}).status().message() ==
        "label of row 1 is 2; expected a class from 0 to 1");
}

TEST_CASE("the losses of slices add up to the batch's, weights and smoothing or not") {
  CpuDevice device;
  for (const Case& one : AllLosses()) {
    CAPTURE(one.name);
    Loss loss(one.spec);
    REQUIRE(loss.Place(device).ok());
    Sample sample(loss, 12, 50);
    const double whole = loss.Compute(device.ops(), 12, sample.logits.data(), sample.labels.data(),
                                      sample.slopes.data());
    double sum = 0;
    Floats parts(sample.slopes.size());
    for (const auto& [first, rows] : {std::pair<int64_t, int64_t>{0, 5}, {5, 1}, {6, 6}}) {
      sum += loss.Compute(device.ops(), rows, sample.logits.data() + first * loss.outputs(),
                          sample.labels.data() + first * loss.label_width(),
                          parts.data() + first * loss.outputs());
    }
    CHECK(sum == Approx(whole).epsilon(1e-13));
    CHECK(parts == sample.slopes);
  }
}

TEST_CASE("a label of weight 2 counts as two samples") {
  CpuDevice device;
  const auto check = [&](LossKind kind, const Shape& shape, const LossSettings& settings,
                         float heavy) {
    Loss plain(Identity(kind, shape)), weighted(Identity(kind, shape, settings));
    REQUIRE(weighted.Place(device).ok());
    Floats logits = RandomFloats(3, plain.outputs(), 2.0f), once(logits.size()), twice(once);
    const double loss = plain.Compute(device.ops(), 1, logits.data(), &heavy, once.data());
    CHECK(weighted.Compute(device.ops(), 1, logits.data(), &heavy, twice.data()) ==
          Approx(2 * loss));
    for (size_t i = 0; i < once.size(); ++i) CHECK(twice[i] == Approx(2 * once[i]));
  };
  check(LossKind::kSoftmaxCrossEntropy, {3}, {.class_weights = {1, 2, 0.5}}, 1);
  check(LossKind::kBinaryCrossEntropy, {1}, {.positive_weight = 2}, 1);
}

TEST_CASE("class weights that are not as many as the classes are refused") {
  CpuDevice device;
  const LossSettings three{.class_weights = {1, 1, 1}};
  for (const ModelSpec& spec : {Identity(LossKind::kSoftmaxCrossEntropy, {3, 4}, three),
                                Identity(LossKind::kMeanSquaredError, {3}, three)}) {
    CHECK(Model::Build(spec, device).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace paracord
