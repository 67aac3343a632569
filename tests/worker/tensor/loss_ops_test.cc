#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "tests/support/model_builder.h"
#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

struct Loss {
  std::string name;
  std::function<double(const Ops&, const Floats& logits, Floats& slopes)> compute;
};

// `rows` labels of each kind, and every loss over them.
class Losses {
 public:
  Losses(int64_t rows, int64_t outputs) : rows_(rows), outputs_(outputs), classes_(rows) {
    for (size_t r = 0; r < classes_.size(); ++r) {
      classes_[r] = static_cast<float>((r * 7) % static_cast<size_t>(outputs));
    }
    shares_ = RandomFloats(21, rows * outputs, 0.5f);
    for (float& share : shares_) share += 0.5f;
    weights_ = RandomFloats(22, outputs, 1.0f);
    for (float& weight : weights_) weight = std::max(0.0f, weight + 0.5f);  // some are 0
  }
  std::vector<Loss> All() const {
    std::vector<Loss> all = {{"mse", [this](const Ops& ops, const Floats& logits, Floats& to) {
                                return ops.MeanSquaredError(rows_, outputs_, logits.data(),
                                                            shares_.data(), 0.125f, to.data());
                              }}};
    for (const float weight : {1.0f, 0.25f, 7.0f}) {
      all.push_back({"binary", [this, weight](const Ops& ops, const Floats& logits, Floats& to) {
                       return ops.BinaryCrossEntropy(rows_, outputs_, logits.data(), shares_.data(),
                                                     weight, 0.125f, to.data());
                     }});
    }
    for (const SoftmaxTarget target :
         {SoftmaxTarget{}, {0.1f, nullptr}, {0.0f, weights_.data()}, {0.6f, weights_.data()}}) {
      all.push_back({"softmax", [this, target](const Ops& ops, const Floats& logits, Floats& to) {
                       return ops.SoftmaxCrossEntropy(rows_, outputs_, logits.data(),
                                                      classes_.data(), target, 0.125f, to.data());
                     }});
    }
    return all;
  }
  const Floats& classes() const { return classes_; }
  const Floats& shares() const { return shares_; }

 private:
  const int64_t rows_, outputs_;
  Floats classes_, shares_, weights_;
};

}  // namespace

TEST_CASE("losses and their slopes equal the plain loops on odd shapes, smoothed and weighted") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  const int64_t rows = 13;
  for (const int64_t outputs : {1, 2, 10, 16, 17, 100, 257, 1500}) {
    const Floats logits = RandomFloats(20, rows * outputs, 9.0f);
    const Losses losses(rows, outputs);
    for (const Loss& loss : losses.All()) {
      CAPTURE(outputs, loss.name);
      Floats slopes(logits.size(), kNan), expected(logits.size(), kNan), again(logits.size());
      const double sum = loss.compute(ops, logits, slopes);
      CHECK(sum == Approx(loss.compute(reference, logits, expected)).epsilon(1e-6).margin(1e-6));
      for (size_t i = 0; i < slopes.size(); ++i) {
        CHECK(slopes[i] == Approx(expected[i]).epsilon(1e-5).margin(1e-6));
      }
      CHECK(loss.compute(ops, logits, again) == sum);
      CHECK(SameBits(again, slopes));
    }
  }
}

TEST_CASE("losses of huge logits are finite, and a NaN shows in the loss") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const Floats logits = {1e4f, -1e4f, 0.0f}, shares = {0.0f, 1.0f, 1.0f}, label = {1.0f};
  const Floats broken = {0.0f, kNan, 1.0f};
  Floats slope(3);
  const auto softmax = [&](const Floats& at, float smoothing) {
    return ops.SoftmaxCrossEntropy(1, 3, at.data(), label.data(), {smoothing, nullptr}, 1,
                                   slope.data());
  };
  const auto binary = [&](const Floats& at, float weight) {
    return ops.BinaryCrossEntropy(1, 3, at.data(), shares.data(), weight, 1, slope.data());
  };
  CHECK(softmax(logits, 0) == Approx(2e4));
  CHECK(slope == Floats{1, -1, 0});
  CHECK(softmax(logits, 0.3f) == Approx(0.7 * 2e4 + 0.3 * 1e4));
  CHECK(binary(logits, 1) == Approx((2e4 + std::log(2.0)) / 3));
  CHECK(binary(logits, 3) == Approx((4e4 + 3 * std::log(2.0)) / 3));
  for (const float setting : {0.0f, 0.3f}) CHECK(std::isnan(softmax(broken, setting)));
  for (const float setting : {1.0f, 3.0f}) CHECK(std::isnan(binary(broken, setting)));
  CHECK(std::isnan(ops.ClassLogLoss(1, 3, broken.data(), label.data())));
  CHECK(std::isnan(ops.SignLogLoss(1, 3, broken.data(), shares.data())));
}

TEST_CASE("a log loss is the loss without settings, bit for bit, and NaN for a bad label") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  const int64_t rows = 13;
  for (const int64_t outputs : {1, 3, 16, 100}) {
    const Floats logits = RandomFloats(23, rows * outputs, 9.0f);
    const Losses losses(rows, outputs);
    Floats slopes(logits.size());
    const float *x = logits.data(), *labels = losses.classes().data();
    const float* shares = losses.shares().data();
    const double classes = ops.ClassLogLoss(rows, outputs, x, labels);
    CHECK(classes == ops.SoftmaxCrossEntropy(rows, outputs, x, labels, {}, 1, slopes.data()));
    CHECK(reference.ClassLogLoss(rows, outputs, x, labels) == Approx(classes).margin(1e-5));
    const double signs = ops.SignLogLoss(rows, outputs, x, shares);
    CHECK(signs == ops.BinaryCrossEntropy(rows, outputs, x, shares, 1, 1, slopes.data()));
    CHECK(reference.SignLogLoss(rows, outputs, x, shares) == Approx(signs));
  }
  const Floats logits = {1, 2, 3};
  for (const Floats& label : {Floats{-1.0f}, Floats{3.0f}, Floats{kNan}}) {
    CHECK(std::isnan(ops.ClassLogLoss(1, 3, logits.data(), label.data())));
    CHECK(std::isnan(reference.ClassLogLoss(1, 3, logits.data(), label.data())));
  }
}

TEST_CASE("metrics equal the plain loops; of equal logits the first is larger; NaN is no hit") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  const int64_t rows = 200, outputs = 9;
  Floats logits = RandomFloats(30, rows * outputs, 3.0f);
  for (float& logit : logits) logit = std::round(logit);  // many ties
  for (size_t i = 14; i < logits.size(); i += 37) logits[i] = kNan;
  Floats classes(200), targets = RandomFloats(31, rows * outputs, 1.0f);
  for (size_t r = 0; r < classes.size(); ++r) classes[r] = static_cast<float>(r % 10);  // 9 is none
  double before = 0;
  for (const int64_t most : {1, 2, 5, 9, 12}) {
    const double hits = ops.ClassHits(rows, outputs, most, logits.data(), classes.data());
    CHECK(hits == reference.ClassHits(rows, outputs, most, logits.data(), classes.data()));
    CHECK(hits >= before);
    before = hits;
  }
  CHECK(before > 150);
  CHECK(ops.SignHits(rows, outputs, logits.data(), targets.data()) ==
        reference.SignHits(rows, outputs, logits.data(), targets.data()));
  for (float& logit : logits) logit = logit == logit ? logit : 0;
  CHECK(ops.SquaredError(rows, outputs, logits.data(), targets.data()) ==
        Approx(reference.SquaredError(rows, outputs, logits.data(), targets.data())));
  const Floats tie = {1.0f, 1.0f}, zero = {0.0f}, one = {1.0f};
  CHECK(ops.ClassHits(1, 2, 1, tie.data(), zero.data()) == 1);
  CHECK(ops.ClassHits(1, 2, 1, tie.data(), one.data()) == 0);
  CHECK(ops.ClassHits(1, 2, 2, tie.data(), one.data()) == 1);
}

TEST_CASE("scores are counted by label in bins of the same width, and added to what is there") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  const int64_t bins = 64, count = 1000;
  Floats logits = RandomFloats(32, count, 30.0f), labels = RandomFloats(33, count, 1.0f);
  for (size_t i = 0; i < logits.size(); ++i) {  // to the middle of a bin
    const double middle = (static_cast<double>(i % bins) + 0.5) / static_cast<double>(bins);
    logits[i] = static_cast<float>(4 * std::log(middle / (1 - middle)));
  }
  logits.insert(logits.end(), {kInfinity, -kInfinity, 1e30f, -1e30f, 0.0f});
  labels.insert(labels.end(), {1, 0, 0.5f, 0.6f, 1});
  const auto size = static_cast<int64_t>(logits.size());
  std::vector<double> counts(2 * bins, 1.0), expected(2 * bins, 1.0);
  ops.CountScores(size, logits.data(), labels.data(), bins, counts.data());
  reference.CountScores(size, logits.data(), labels.data(), bins, expected.data());
  CHECK(counts == expected);
  CHECK(counts[bins - 1] + counts[2 * bins - 1] >= 2 + 1000 / 64 + 2);
  const Floats nan = {1.0f, kNan}, ones = {1.0f, 1.0f};
  ops.CountScores(2, nan.data(), ones.data(), bins, counts.data());
  CHECK(std::isnan(counts[0]));
}

TEST_CASE("the first label outside its range is found, NaN and broken classes included") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  const LabelRange classes = {0, 9, true}, shares = {0, 1, false};
  for (const Floats& labels : {Floats{0, 9, 3}, Floats{1, 10}, Floats{1, 2, -1}, Floats{0.5f, 11},
                               Floats{kNan}, Floats{1, kNan}, Floats{}}) {
    const auto count = static_cast<int64_t>(labels.size());
    for (const LabelRange& range : {classes, shares}) {
      CHECK(ops.FirstBadLabel(range, count, labels.data()) ==
            reference.FirstBadLabel(range, count, labels.data()));
    }
  }
  const Floats half = {1, 0.5f};
  CHECK(ops.FirstBadLabel(classes, 2, half.data()) == 1);
  CHECK(ops.FirstBadLabel(shares, 2, half.data()) == -1);
}

}  // namespace paracord
