#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/model_of.h"
#include "tests/support/reference_device.h"
#include "tests/worker/model/model_fixture.h"

namespace paracord {
namespace {

struct Case {
  std::string input, layers;
};

// Each layer between others that have weights, so that the gradient of its input is seen too.
std::vector<Case> Cases() {
  return {
      {"[3, 5]", "[{linear: 4}, gelu, {linear: {units: 3, bias: false}}, flatten]"},
      {"[2, 5, 5]",
       "[{conv2d: {channels: 4, kernel: 3, padding: 1}}, gelu,"
       " {conv2d: {channels: 6, kernel: 3, stride: 2, groups: 2, bias: false}}, flatten]"},
      {"[2, 6, 6]",
       "[{conv2d: {channels: 3, kernel: 1}}, {max_pool: {size: 3, stride: 2, padding: 1}}, flatten,"
       " {linear: 3}]"},
      {"[2, 6, 6]",
       "[{conv2d: {channels: 3, kernel: 1}}, {avg_pool: {size: 3, stride: 2, padding: 1}},"
       " {conv2d: {channels: 2, kernel: 2}}, {avg_pool: 2}, flatten]"},
      {"[2, 4, 4]", "[{conv2d: {channels: 3, kernel: 2}}, tanh, global_avg_pool, {linear: 2}]"},
      {"[2, 4, 4]",
       "[{conv2d: {channels: 3, kernel: 2}}, batch_norm, tanh, {conv2d: {channels: 2, kernel: 2}},"
       " {batch_norm: {epsilon: 0.01}}, flatten]"},
      {"[2, 3, 3]", "[batch_norm, {conv2d: {channels: 3, kernel: 2}}, flatten]"},
      {"[5]", "[{linear: 6}, batch_norm, tanh, {linear: 2}]"},
      {"[2, 4, 4]",
       "[{conv2d: {channels: 6, kernel: 2}}, {group_norm: 3}, tanh, {group_norm: 1}, flatten,"
       " {linear: 2}]"},
      {"[4, 5]", "[layer_norm, {linear: 6}, layer_norm, {layer_norm: {bias: false}}, flatten]"},
      {"[4, 5]", "[rms_norm, {linear: 6}, rms_norm, flatten, {linear: 3}]"},
      {"[4]", "[{embedding: {vocabulary: 5, width: 6}}, positions, {linear: 3}, flatten]"},
      {"[4]", "[{embedding: {vocabulary: 5, width: 6}}, tanh, flatten]"},
      {"[4, 6]", "[{attention: 2}, flatten]"},
      {"[4, 6]", "[{attention: {heads: 3, causal: true, rotary: true, bias: false}}, flatten]"},
      {"[4, 8]",
       "[{linear: 8}, {attention: {heads: 4, kv_heads: 2, causal: true}}, tanh, flatten]"},
      {"[6]", "[{linear: 8}, silu, {linear: 8}, swiglu, {linear: 2}]"},
      {"[3, 6]", "[swiglu, {linear: 4}, swiglu, flatten]"},
      {"[3, 4]", "[{linear: 5}, transpose, {linear: 4}, flatten]"},
      {"[2, 3, 3]", "[{conv2d: {channels: 4, kernel: 2}}, transpose, {linear: 3}, flatten]"},
      {"[6]", "[{linear: 5}, {residual: [{linear: 5}, tanh]}, {linear: 2}]"},
      {"[6]", "[{linear: 5}, tanh, {residual: [tanh, {linear: 5}]}, tanh]"},
      {"[6]", "[{residual: {body: [{linear: 4}, tanh], shortcut: [{linear: 4}]}}, {linear: 2}]"},
      {"[6]",
       "[{linear: 6}, {residual: [{dropout: 0.3}]}, {residual: {body: [gelu, {linear: 6}],"
       " shortcut: [{residual: [tanh]}]}}, {linear: 2}]"},
      {"[6]", "[{residual: [flatten, {linear: 6}]}]"},
      {"[6]", "[{linear: 6}, {residual: {body: [flatten], shortcut: [flatten]}}, tanh]"},
      {"[6]",
       "[{repeat: {times: 2, layers: [{linear: 5}, {residual: [layer_norm, {linear: 5}]}]}}]"},
      {"[3]",
       "[{embedding: {vocabulary: 5, width: 4, name: tokens}}, positions,"
       " {attention: {heads: 2, causal: true}}, {linear: {tied: tokens}}, flatten]"},
      {"[6]", "[{linear: 5}, {columns: [3, 4, 0]}, tanh, {linear: 2}]"},
      {"[5]", "[{columns: [4, 1]}, {linear: 3}]"},
      {"[4]",
       "[{linear: 5}, {concat: [[tanh], [{linear: 3}, gelu], [{columns: [2]}]]}, {linear: 2}]"},
      {"[3]", "[{linear: 4}, {concat: [[flatten], [flatten]]}, {linear: 2}]"},
      {"[5]",
       "[{concat: [[{columns: [0, 3]}], [{embedding: {columns: [4, 1, 2], vocabulary: [3, 5, 2],"
       " width: 4}}, flatten]]}, {linear: 3}, tanh, {linear: 1}]"},
      {"[3]", "[{embedding: {vocabulary: [4, 2, 3], width: 2}}, {linear: 2}, flatten]"},
      {"[4]", "[{embedding: {columns: [3, 1], vocabulary: 3, width: 2}}, tanh, flatten]"},
      {"[4]", "[{embedding: {vocabulary: 3, width: 3, sum: true}}, tanh]"},
      {"[4]",
       "[{residual: {body: [{columns: [1]}, {linear: 3}], shortcut: [{embedding: {columns: [0, 3],"
       " vocabulary: [3, 4], width: 3, sum: true}}]}}, tanh]"},
      {"[4]",
       "[{linear: {units: 4, name: one}}, tanh, {linear: {units: 4, tied: one}}, tanh,"
       " {linear: {tied: one, bias: false}}]"},
      {"[7]", "[{linear: 6}, relu, {linear: 5}, sigmoid, {dropout: 0.4}, {linear: 3}]"},
  };
}

double Largest(const Doubles& values) {
  double largest = 0.1;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

TEST_CASE("every kind of layer there is is among those whose gradients are checked here") {
  std::set<std::string> all, checked;
  for (int kind = 0; kind < 256; ++kind) {
    const std::string name = Name(static_cast<LayerKind>(kind));
    if (!name.empty()) all.insert(name);
  }
  for (const Case& one : Cases()) {
    for (const LayerSpec& layer : ModelOf(one.input, one.layers).layers) {
      checked.insert(Name(layer.kind));
    }
  }
  CHECK(all.size() >= 23);
  CHECK(checked == all);
}

TEST_CASE("in float64 every layer's gradient is the differences' to eight digits") {
  size_t number = 0;
  for (const Case& one : Cases()) {
    INFO(one.input << " " << one.layers);
    const ModelSpec spec = ModelOf(one.input, one.layers);
    const int64_t rows = 6;
    Fixture fixture(spec, 200 + ++number, rows);
    Float64Model model(spec, rows);
    const Float64Batch batch = fixture.BatchInFloat64(kTraining);
    std::vector<Doubles> weights = fixture.WeightsInFloat64();
    const std::vector<Doubles> gradients = model.Gradients(weights, batch, 1.0 / rows);
    for (size_t t = 0; t < weights.size(); ++t) {
      if (spec.tensors[t].kind != TensorKind::kTrained) continue;
      CAPTURE(spec.tensors[t].name);
      const GradientReport report = CheckGradient(
          weights[t], gradients[t], [&] { return model.Loss(weights, batch) / rows; },
          kFloat64Steps);
      CHECK(report.worst < 1e-8);
      CHECK(report.kinks <= 2 + report.checked / 8);
      CHECK(report.checked > 0);
    }
  }
}

TEST_CASE("a device's float32 gives every layer's loss and gradient of float64 but for rounding") {
  size_t number = 0;
  for (const Case& one : Cases()) {
    INFO(one.input << " " << one.layers);
    const ModelSpec spec = ModelOf(one.input, one.layers);
    Fixture fixture(spec, 200 + ++number, 6);
    Pass pass(fixture.model(), 6);
    const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.25f);
    Float64Model model(spec, 6);
    const Float64Batch batch = fixture.BatchInFloat64(kTraining);
    const std::vector<Doubles> weights = fixture.WeightsInFloat64();
    CHECK(model.Loss(weights, batch) == Approx(loss).epsilon(1e-5));
    const std::vector<Doubles> exact = model.Gradients(weights, batch, 0.25);
    for (size_t t = 0; t < exact.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      double worst = 0;
      for (size_t i = 0; i < exact[t].size(); ++i) {
        worst = std::max(worst, std::abs(exact[t][i] - fixture.gradients()[t][i]));
      }
      CHECK(worst <= 2e-5 * Largest(exact[t]));
    }
  }
}

TEST_CASE("the gradient of every layer of a job file equals finite differences") {
  size_t number = 0;
  for (const Case& one : Cases()) {
    INFO(one.input << " " << one.layers);
    const ModelSpec spec = ModelOf(one.input, one.layers);
    const int64_t rows = 6;
    Fixture fixture(spec, 200 + ++number, rows);
    Pass pass(fixture.model(), rows);
    const Batch batch = fixture.All();
    fixture.LossAndGradients(pass, batch, kTraining, 1.0f / static_cast<float>(rows));
    for (size_t t = 0; t < fixture.weights().size(); ++t) {
      if (spec.tensors[t].kind != TensorKind::kTrained) continue;
      CAPTURE(spec.tensors[t].name);
      const GradientReport report =
          CheckGradient(fixture.weights()[t], fixture.gradients()[t],
                        [&] { return fixture.Loss(pass, batch, kTraining) / rows; });
      CHECK(report.worst < 2e-4);
      CHECK(report.kinks <= 2 + report.checked / 4);
      CHECK(report.checked > 0);
    }
  }
}

TEST_CASE("a model on the plain loops gives the same loss and gradients but for rounding") {
  size_t number = 0;
  for (const Case& one : Cases()) {
    INFO(one.input << " " << one.layers);
    const ModelSpec spec = ModelOf(one.input, one.layers);
    Fixture fixture(spec, 400 + ++number, 6);
    Pass pass(fixture.model(), 6);
    const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.2f);
    const std::vector<Floats> gradients = fixture.gradients();
    ReferenceDevice device;
    const std::unique_ptr<Model> model = Model::Build(spec, device).value();
    Pass plain(*model, 6);
    CHECK(fixture.LossAndGradients(plain, fixture.All(), kTraining, 0.2f) ==
          Approx(loss).epsilon(1e-5));
    for (size_t t = 0; t < gradients.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      float largest = 0.1f;
      for (const float value : gradients[t]) largest = std::max(largest, std::abs(value));
      for (size_t i = 0; i < gradients[t].size(); ++i) {
        CHECK(std::abs(gradients[t][i] - fixture.gradients()[t][i]) <= 1e-4f * largest);
      }
    }
  }
}

TEST_CASE("what a sample gives does not depend on the samples beside it") {
  const int64_t rows = 37;
  size_t number = 0;
  for (const Case& one : Cases()) {
    if (one.layers.find("batch_norm") != std::string::npos) continue;
    INFO(one.input << " " << one.layers);
    const ModelSpec spec = ModelOf(one.input, one.layers);
    Fixture fixture(spec, 300 + ++number, rows);
    Pass pass(fixture.model(), rows), alone(fixture.model(), 1);
    double sum = 0;
    for (int64_t r = 0; r < rows; ++r) {
      PassContext context = kTraining;
      context.first_row += static_cast<uint64_t>(r);
      sum += fixture.Loss(alone, fixture.Slice(r, 1), context);
    }
    CHECK(fixture.Loss(pass, fixture.All(), kTraining) == Approx(sum).epsilon(1e-13));
  }
}

TEST_CASE(
    "running averages move by the mean of the slices' statistics, empty slices keeping theirs") {
  const ModelSpec spec = ModelOf("[2, 2, 1]", "[{batch_norm: {momentum: 0.25}}, flatten]");
  REQUIRE(spec.tensors.size() == 4);
  CHECK(spec.tensors[2].name == "0.running_mean");
  CHECK(spec.tensors[3].kind == TensorKind::kAveraged);
  Fixture fixture(spec, 5, 6);
  fixture.weights() = {{1, 2}, {0, 1}, {4, -8}, {2, 3}};
  Pass pass(fixture.model(), 6);
  PassContext context = kTraining;
  context.slices = 4;  // of 3, 2, 1 and 0 rows
  std::vector<double> mean(2), variance(2), expected_mean(2), expected_variance(2);
  for (const auto& [first, rows] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 3}, {3, 2}, {5, 1}, {6, 0}}) {
    const Batch slice = fixture.Slice(first, rows);
    fixture.LossAndGradients(pass, slice, context, 1.0f);
    for (size_t c = 0; c < 2; ++c) {
      mean[c] += fixture.gradients()[2][c];
      variance[c] += fixture.gradients()[3][c];
      const double old_mean = fixture.weights()[2][c], old_variance = fixture.weights()[3][c];
      double sum = 0, squares = 0;
      const double n = static_cast<double>(2 * rows);
      for (int64_t r = 0; r < rows; ++r) {
        for (size_t p = 0; p < 2; ++p)
          sum += slice.features[r * 4 + static_cast<int64_t>(2 * c + p)];
      }
      for (int64_t r = 0; r < rows; ++r) {
        for (size_t p = 0; p < 2; ++p) {
          const double x = slice.features[r * 4 + static_cast<int64_t>(2 * c + p)] - sum / n;
          squares += x * x;
        }
      }
      expected_mean[c] += (rows > 0 ? 0.75 * old_mean + 0.25 * sum / n : old_mean) / 4;
      expected_variance[c] +=
          (rows > 0 ? 0.75 * old_variance + 0.25 * squares / (n - 1) : old_variance) / 4;
    }
  }
  for (size_t c = 0; c < 2; ++c) {
    CHECK(mean[c] == Approx(expected_mean[c]).epsilon(1e-5));
    CHECK(variance[c] == Approx(expected_variance[c]).epsilon(1e-5));
  }
}

TEST_CASE("evaluation normalises by the running averages, each sample alone") {
  const ModelSpec spec = ModelOf("[2]", "[batch_norm]");
  Fixture fixture(spec, 5, 4);
  fixture.weights() = {{1, 2}, {0, 1}, {0.5f, -0.25f}, {4, 0.25f}};
  Pass pass(fixture.model(), 4);
  PassContext evaluation = kTraining;
  evaluation.training = false;
  double expected = 0;
  for (int64_t r = 0; r < 4; ++r) {
    const Batch one = fixture.Slice(r, 1);
    const double a = (one.features[0] - 0.5) / 2, b = 2 * (one.features[1] + 0.25) / 0.5 + 1;
    const double loss = (std::pow(a - one.labels[0], 2) + std::pow(b - one.labels[1], 2)) / 2;
    CHECK(fixture.Loss(pass, one, evaluation) == Approx(loss).epsilon(1e-4));
    expected += loss;
  }
  CHECK(fixture.Loss(pass, fixture.All(), evaluation) == Approx(expected).epsilon(1e-4));
}

TEST_CASE("a token id that the vocabulary does not have is refused with its place and value") {
  const ModelSpec spec =
      ModelOf("[4]", "[{embedding: {vocabulary: 5, width: 2}}, flatten, {linear: 1}]");
  Fixture fixture(spec, 5, 2);
  Pass pass(fixture.model(), 2);
  for (const float bad : {5.0f, -1.0f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    const Floats ids = {0, 1, 2, 3, 4, 0, bad, 1}, labels = {0, 0};
    const absl::Status status =
        pass.Forward(fixture.WeightPointers(), {ids.data(), labels.data(), 2}, kTraining, nullptr);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(status.message() ==
          absl::StrCat("value 2 of row 1 is ", bad, "; expected an id from 0 to 4"));
  }
}

TEST_CASE("an embedding refuses ids by the vocabulary of their column, and says which column") {
  const ModelSpec spec =
      ModelOf("[4]", "[{embedding: {columns: [3, 0], vocabulary: [5, 2], width: 2, sum: true}}]");
  Fixture fixture(spec, 5, 2);
  Pass pass(fixture.model(), 2);
  const auto run = [&](const Floats& samples) {
    const Floats labels(4);
    const Batch batch = {samples.data(), labels.data(), 2};
    return std::string(pass.Forward(fixture.WeightPointers(), batch, kTraining, nullptr).message());
  };
  CHECK(run({1, -7, 0.5f, 4, 0, -7, 0.5f, 0}).empty());
  CHECK(run({1, 0, 0, 4, 0, 0, 0, 5}) == "value 3 of row 1 is 5; expected an id from 0 to 4");
  CHECK(run({1, 0, 0, 4, 2, 0, 0, 4}) == "value 0 of row 1 is 2; expected an id from 0 to 1");
}

TEST_CASE("each column of an embedding finds its own rows, and a sum adds them") {
  const std::string settings = "columns: [2, 0], vocabulary: [2, 3], width: 2";
  const Floats samples = {2, 9, 1, 0, 9, 0}, labels(8);
  const auto output = [&](const std::string& more) {
    const ModelSpec spec = ModelOf("[3]", "[{embedding: {" + settings + more + "}}, flatten]");
    Fixture fixture(spec, 5, 2);
    fixture.weights() = {{1, 2, 3, 4, 10, 20, 30, 40, 50, 60}};
    Floats squares;  // the loss of one sample against labels of 0: the mean of its outputs' squares
    Pass pass(fixture.model(), 1);
    for (int64_t r = 0; r < 2; ++r) {
      const Batch one = {samples.data() + 3 * r, labels.data(), 1};
      const auto width = static_cast<double>(ShapeSize(spec.output()));
      squares.push_back(static_cast<float>(fixture.Loss(pass, one, kTraining) * width));
    }
    return squares;
  };
  CHECK(output("") == Floats{9 + 16 + 2500 + 3600, 1 + 4 + 100 + 400});
  CHECK(output(", sum: true") == Floats{53 * 53 + 64 * 64, 11 * 11 + 22 * 22});
}

}  // namespace paracord
