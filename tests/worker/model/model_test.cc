#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/worker/model/model_fixture.h"

namespace paracord {

TEST_CASE("the gradient of every layer with every loss equals finite differences") {
  for (const LossKind loss : {LossKind::kSoftmaxCrossEntropy, LossKind::kMeanSquaredError,
                              LossKind::kBinaryCrossEntropy}) {
    std::vector<ModelSpec> specs = {Mlp(loss), ModelBuilder({5}).Linear(3).Loss(loss)};
    for (const LayerKind kind :
         {LayerKind::kRelu, LayerKind::kTanh, LayerKind::kSigmoid, LayerKind::kGelu}) {
      // Alone, twice in a row, before and after a dropout, and as the last layer: each shares
      // buffers in another way.
      specs.push_back(ModelBuilder({6}).Linear(7).Add(kind).Linear(4).Loss(loss));
      specs.push_back(
          ModelBuilder({6}).Add(kind).Linear(7).Add(kind).Add(kind).Linear(4).Add(kind).Loss(loss));
      specs.push_back(
          ModelBuilder({6}).Linear(7).Dropout(0.3).Add(kind).Dropout(0.3).Linear(4).Loss(loss));
      specs.push_back(ModelBuilder({6})
                          .Linear(7)
                          .Add(LayerKind::kTanh)
                          .Flatten()
                          .Add(kind)
                          .Linear(4)
                          .Loss(loss));
    }
    for (size_t s = 0; s < specs.size(); ++s) {
      const int64_t rows = 6;
      Fixture fixture(specs[s], 100 + s, rows);
      Pass pass(fixture.model(), rows);
      const Batch batch = fixture.All();
      fixture.LossAndGradients(pass, batch, kTraining, 1.0f / static_cast<float>(rows));
      for (size_t t = 0; t < fixture.weights().size(); ++t) {
        CAPTURE(Name(loss), s, specs[s].tensors[t].name);
        const GradientReport report =
            CheckGradient(fixture.weights()[t], fixture.gradients()[t],
                          [&] { return fixture.Loss(pass, batch, kTraining) / rows; });
        CHECK(report.worst < 2e-4);
        CHECK(report.kinks <= 2 + report.checked / 4);
      }
    }
  }
}

TEST_CASE("loss and logits of a row do not depend on how the rows of a batch are cut") {
  const int64_t rows = 70;
  Fixture fixture(Mlp(LossKind::kMeanSquaredError), 5, rows);
  Pass whole(fixture.model(), rows), part(fixture.model(), 33);
  std::vector<double> alone;
  for (int64_t r = 0; r < rows; ++r) {
    PassContext context = kTraining;
    context.first_row += static_cast<uint64_t>(r);
    alone.push_back(fixture.Loss(part, fixture.Slice(r, 1), context));
  }
  for (const int64_t cut : {2, 7, 16, 33}) {
    for (int64_t first = 0; first < rows; first += cut) {
      PassContext context = kTraining;
      context.first_row += static_cast<uint64_t>(first);
      const int64_t count = std::min(cut, rows - first);
      double sum = 0;
      for (int64_t r = first; r < first + count; ++r) sum += alone[static_cast<size_t>(r)] * 5;
      CAPTURE(cut, first);
      CHECK(fixture.Loss(part, fixture.Slice(first, count), context) ==
            Approx(sum / 5).epsilon(1e-14));
    }
  }
  double sum = 0;
  for (double loss : alone) sum += loss;
  CHECK(fixture.Loss(whole, fixture.All(), kTraining) == Approx(sum).epsilon(1e-13));
}

TEST_CASE(
    "a pass gives the same bits whatever it computed before, and any number of passes agree") {
  Fixture fixture(Mlp(LossKind::kSoftmaxCrossEntropy), 6, 30);
  Pass used(fixture.model(), 30), fresh(fixture.model(), 100);
  const double loss = fixture.LossAndGradients(fresh, fixture.Slice(3, 20), kTraining, 0.1f);
  const std::vector<Floats> first = fixture.gradients();
  PassContext other = kTraining;
  other.step = 9;
  fixture.LossAndGradients(used, fixture.All(), other, 0.5f);
  CHECK(fixture.LossAndGradients(used, fixture.Slice(3, 20), kTraining, 0.1f) == loss);
  for (size_t t = 0; t < first.size(); ++t) {
    CHECK(std::memcmp(first[t].data(), fixture.gradients()[t].data(),
                      first[t].size() * sizeof(float)) == 0);
  }
}

TEST_CASE(
    "passes of several threads share a model and its weights and get the bits of one thread") {
  const ModelSpec spec = Mlp(LossKind::kSoftmaxCrossEntropy);
  Fixture fixture(spec, 12, 40);
  Pass alone(fixture.model(), 40);
  const double loss = fixture.LossAndGradients(alone, fixture.All(), kTraining, 0.1f);
  struct Result {
    std::vector<Floats> gradients;
    double loss = 0;
  };
  std::vector<Result> results(4);
  std::vector<std::thread> threads;
  for (Result& result : results) {
    for (const TensorSpec& tensor : spec.tensors) {
      result.gradients.emplace_back(static_cast<size_t>(tensor.size()));
    }
    threads.emplace_back([&fixture, &result] {
      Gradients to;
      for (Floats& gradient : result.gradients) to.push_back(gradient.data());
      Pass pass(fixture.model(), 40);
      for (int repeat = 0; repeat < 20; ++repeat) {
        pass.Forward(fixture.WeightPointers(), fixture.All(), kTraining, nullptr).IgnoreError();
        result.loss = pass.Loss(fixture.All()).value_or(-1);
        pass.Backward(fixture.WeightPointers(), fixture.All(), 0.1f, to, nullptr).IgnoreError();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Result& result : results) {
    CHECK(result.loss == loss);
    CHECK(result.gradients == fixture.gradients());
  }
}

TEST_CASE("a slice of no rows has no loss, gradients of +0.0, and calls every hook") {
  Fixture fixture(Mlp(LossKind::kSoftmaxCrossEntropy), 7, 1);
  Pass pass(fixture.model(), 0);
  const Batch none = {nullptr, nullptr, 0};
  int calls = 0;
  const FloatsHook count = [&calls](const FloatRange&) {
    ++calls;
    return absl::OkStatus();
  };
  REQUIRE(pass.Forward(fixture.WeightPointers(), none, kTraining, count).ok());
  CHECK(pass.Loss(none).value() == 0.0);
  CHECK(pass.Metrics(none, {MetricKind::kAccuracy}) == std::vector<double>{0.0});
  REQUIRE(
      pass.Backward(fixture.WeightPointers(), none, 1.0f, fixture.GradientPointers(), count).ok());
  CHECK(calls == 6);
  for (const Floats& gradient : fixture.gradients()) {
    for (float value : gradient) CHECK((value == 0.0f && !std::signbit(value)));
  }
}

TEST_CASE(
    "hooks come in order, weights may be destroyed after theirs, and a refusal stops the pass") {
  Fixture fixture(Mlp(LossKind::kSoftmaxCrossEntropy), 8, 9);
  Pass pass(fixture.model(), 9);
  fixture.CheckHooks(pass, {{0, 117}, {117, 189}, {189, 234}});
  int calls = 0;
  const FloatsHook refuse = [&calls](const FloatRange&) {
    return ++calls == 2 ? absl::CancelledError("stopping") : absl::OkStatus();
  };
  CHECK(pass.Forward(fixture.WeightPointers(), fixture.All(), kTraining, refuse).code() ==
        absl::StatusCode::kCancelled);
  CHECK(calls == 2);
}

TEST_CASE("a large layer comes and goes in parts, each as soon as it can") {
  const ModelSpec spec = ModelBuilder({600})
                             .Linear(550)
                             .Add(LayerKind::kTanh)
                             .Linear(3)
                             .Loss(LossKind::kMeanSquaredError);
  Fixture fixture(spec, 14, 5);
  Pass pass(fixture.model(), 5);
  const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.5f);
  const std::vector<Floats> expected = fixture.gradients(), weights = fixture.weights();
  const uint64_t bias = 600 * 550, second = bias + 550, end = second + 3 * 550 + 3;

  fixture.Destroy({0, end});  // what is not asked for is not there
  std::vector<FloatRange> before, after;
  const auto arrive = [&](const FloatRange& floats) {
    before.push_back(floats);
    fixture.Restore(weights, floats);
    return absl::OkStatus();
  };
  REQUIRE(pass.Forward(fixture.WeightPointers(), fixture.All(), kTraining, arrive).ok());
  CHECK(pass.Loss(fixture.All()).value() == loss);
  const auto leave = [&](const FloatRange& floats) {
    after.push_back(floats);
    fixture.Destroy(floats);
    return absl::OkStatus();
  };
  REQUIRE(pass.Backward(fixture.WeightPointers(), fixture.All(), 0.5f, fixture.GradientPointers(),
                        leave)
              .ok());
  CHECK(fixture.gradients() == expected);
  CHECK(before == std::vector<FloatRange>{{bias, second},
                                          {0, 600 * 176},
                                          {600 * 176, 600 * 352},
                                          {600 * 352, second},
                                          {second, end}});
  CHECK(after == std::vector<FloatRange>{
                     {second, end}, {600 * 352, second}, {0, 600 * 176}, {600 * 176, 600 * 352}});
  CHECK(after == fixture.model().BackwardParts());
}

TEST_CASE("dropout is the identity outside training") {
  const ModelSpec with = ModelBuilder({8}).Dropout(0.5).Linear(3).Loss(LossKind::kMeanSquaredError);
  const ModelSpec without = ModelBuilder({8}).Linear(3).Loss(LossKind::kMeanSquaredError);
  Fixture a(with, 9, 12), b(without, 9, 12);
  Pass pass_a(a.model(), 12), pass_b(b.model(), 12);
  PassContext evaluation = kTraining;
  evaluation.training = false;
  const double loss = b.Loss(pass_b, b.All(), evaluation);
  CHECK(a.Loss(pass_a, a.All(), evaluation) == loss);
  CHECK(a.Loss(pass_a, a.All(), kTraining) != loss);
}

TEST_CASE("a label out of the model's range is refused with its row and value") {
  Fixture fixture(Mlp(LossKind::kSoftmaxCrossEntropy), 10, 9);
  Pass pass(fixture.model(), 9);
  fixture.labels()[4] = 5;
  REQUIRE(pass.Forward(fixture.WeightPointers(), fixture.All(), kTraining, nullptr).ok());
  const absl::Status status = pass.Loss(fixture.All()).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message() == "label of row 4 is 5; expected a class from 0 to 4");
  Fixture shares(Mlp(LossKind::kBinaryCrossEntropy), 10, 9);
  Pass second(shares.model(), 9);
  shares.labels()[7] = 1.5f;  // row 1 of five outputs
  REQUIRE(second.Forward(shares.WeightPointers(), shares.All(), kTraining, nullptr).ok());
  CHECK(second.Loss(shares.All()).status().message() ==
        "label of row 1 is 1.5; expected a number from 0 to 1");
}

TEST_CASE("metrics are sums over rows: hits with classes, sides and squares without") {
  const ModelSpec identity = ModelBuilder({2}).Flatten().Loss(LossKind::kSoftmaxCrossEntropy);
  CpuDevice device;
  absl::StatusOr<std::unique_ptr<Model>> model = Model::Build(identity, device);
  REQUIRE(model.ok());
  Pass pass(**model, 3);
  const Floats features = {1, 2, 5, 4, -1, 3}, classes = {1, 1, 1};
  const Batch batch = {features.data(), classes.data(), 3};
  REQUIRE(pass.Forward({}, batch, kTraining, nullptr).ok());
  const std::vector<double> sums = pass.Metrics(batch, {MetricKind::kAccuracy, MetricKind::kRmse});
  CHECK(sums[0] == 2);
  CHECK(std::isnan(sums[1]));

  const ModelSpec regression = ModelBuilder({2}).Flatten().Loss(LossKind::kMeanSquaredError);
  model = Model::Build(regression, device);
  REQUIRE(model.ok());
  CHECK((*model)->label_width() == 2);
  Pass other(**model, 3);
  const Floats targets = {1, 0, 1, 1, 0, 0};
  const Batch pairs = {features.data(), targets.data(), 3};
  REQUIRE(other.Forward({}, pairs, kTraining, nullptr).ok());
  CHECK(other.Metrics(pairs, {MetricKind::kAccuracy, MetricKind::kRmse}) ==
        std::vector<double>{0.5 + 1 + 0.5, (0 + 4 + 16 + 9 + 1 + 9) / 2.0});
  CHECK(other.Loss(pairs).value() == (0 + 4 + 16 + 9 + 1 + 9) / 2.0);
}

TEST_CASE("specs whose shapes or tensors contradict one another are refused, not built") {
  CpuDevice device;
  std::vector<ModelSpec> broken(5, Mlp(LossKind::kSoftmaxCrossEntropy));
  broken[0].input = {13};
  broken[1].tensors.pop_back();
  broken[2].tensors[0].shape = {12, 9};
  broken[3].layers[3].rate = 1.0;
  broken[4].layers[2].output = {8};
  for (const ModelSpec& spec : broken) {
    CHECK(Model::Build(spec, device).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a pass refuses more rows than it has room for, and room that no host has") {
  Fixture fixture(Mlp(LossKind::kSoftmaxCrossEntropy), 11, 9);
  Pass small(fixture.model(), 8);
  CHECK(small.Forward(fixture.WeightPointers(), fixture.All(), kTraining, nullptr).code() ==
        absl::StatusCode::kInvalidArgument);
  Pass huge(fixture.model(), int64_t{1} << 57);
  CHECK(huge.Forward(fixture.WeightPointers(), fixture.All(), kTraining, nullptr).code() ==
        absl::StatusCode::kResourceExhausted);
}

}  // namespace paracord
