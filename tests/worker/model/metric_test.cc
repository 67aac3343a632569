#include "worker/model/metric.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "common/job/key_range.h"
#include "tests/support/model_builder.h"
#include "worker/tensor/cpu_ops.h"

namespace paracord {
namespace {

using Floats = std::vector<float>;

// The share of pairs, one of each label, that are in order; equal ones count half.
double ExactAuc(const Floats& logits, const Floats& labels) {
  std::vector<std::pair<float, bool>> scores;
  for (size_t i = 0; i < logits.size(); ++i) scores.emplace_back(logits[i], labels[i] > 0.5f);
  std::sort(scores.begin(), scores.end());
  double area = 0, below = 0, positives = 0;
  for (size_t i = 0; i < scores.size();) {
    double here[2] = {0, 0};
    const float score = scores[i].first;
    for (; i < scores.size() && scores[i].first == score; ++i) here[scores[i].second] += 1;
    area += here[1] * (below + here[0] / 2);
    below += here[0];
    positives += here[1];
  }
  return area / (positives * below);
}

// Of the pairs, one of each label, those that share a bin.
double ShareOfTies(const Floats& logits, const Floats& labels) {
  std::vector<double> counts(2 * kScoreBins);
  CpuOps().CountScores(static_cast<int64_t>(logits.size()), logits.data(), labels.data(),
                       kScoreBins, counts.data());
  double ties = 0, zeros = 0, ones = 0;
  for (size_t bin = 0; bin < kScoreBins; ++bin) {
    ties += counts[bin] * counts[kScoreBins + bin];
    zeros += counts[bin];
    ones += counts[kScoreBins + bin];
  }
  return ties / (zeros * ones);
}

Loss Binary() { return Loss(ModelBuilder({1}).Loss(LossKind::kBinaryCrossEntropy)); }

// A metric of `logits`, with the set cut into `slices` as evenly as may be.
std::vector<double> Measure(const MetricKinds& metrics, const Loss& loss, const Floats& logits,
                            const Floats& labels, int64_t slices) {
  const int64_t samples = static_cast<int64_t>(logits.size()) / loss.outputs();
  Floats total(SumFloats(metrics), 0.0f), shares(total.size());
  for (int64_t v = 0; v < slices; ++v) {
    const int64_t first = v * samples / slices, last = (v + 1) * samples / slices;
    MetricShares(
        metrics,
        MetricSums(metrics, loss, CpuOps(), last - first, logits.data() + first * loss.outputs(),
                   labels.data() + first * loss.label_width()),
        static_cast<uint64_t>(samples), shares.data());
    for (size_t i = 0; i < total.size(); ++i) total[i] += shares[i];
  }
  return MetricValues(metrics, total.data(), 1);
}

// Labels drawn with the odds that the logits say, as a well trained model's are.
Floats DrawLabels(const Floats& logits, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform;
  Floats labels;
  for (const float logit : logits) {
    labels.push_back(uniform(random) < 1 / (1 + std::exp(-static_cast<double>(logit))) ? 1 : 0);
  }
  return labels;
}

}  // namespace

TEST_CASE(
    "the AUC from bins is off by half the pairs in a bin at most, and hardly where it counts") {
  // Mean and spread of logits: as a9a's, of rare labels, all alike, far apart, of frequent labels,
  // and of labels so rare that a handful of them makes the AUC.
  struct Scores {
    float mean, spread;
    bool rare = false;
  };
  for (const Scores scores :
       {Scores{-1.8f, 1.9f}, {-6, 1.5f}, {0, 0.3f}, {0, 8}, {3, 3}, {-8, 0.5f, true}}) {
    for (uint32_t seed = 0; seed < 5; ++seed) {
      std::mt19937 random(seed);
      std::normal_distribution<float> normal(scores.mean, scores.spread);
      Floats logits(16281);
      for (float& logit : logits) logit = normal(random);
      Floats labels = DrawLabels(logits, random);
      labels[0] = 1;
      const double exact = ExactAuc(logits, labels);
      const double auc = Measure({MetricKind::kAuc}, Binary(), logits, labels, 1)[0];
      CAPTURE(scores.mean, scores.spread, seed, exact, auc);
      if (!scores.rare) CHECK(std::abs(auc - exact) < 2e-4);
      CHECK(std::abs(auc - exact) <= ShareOfTies(logits, labels) / 2 + 1e-12);
    }
  }
}

TEST_CASE("the AUC of equal scores is a half, of parted ones 1 or 0, and of one label NaN") {
  const Floats labels = {0, 1, 0, 1};
  const auto auc = [&](const Floats& logits, const Floats& of) {
    return Measure({MetricKind::kAuc}, Binary(), logits, of, 2)[0];
  };
  CHECK(auc({3, 3, 3, 3}, labels) == 0.5);
  CHECK(auc({-1, 1, -2, 2}, labels) == 1);
  CHECK(auc({1, -1, 2, -2}, labels) == 0);
  CHECK(auc({-40, 40, 0, 0}, labels) == Approx((1 + 1 + 1 + 0.5) / 4));
  CHECK(std::isnan(auc({1, 2, 3, 4}, {1, 1, 1, 1})));
  CHECK(std::isnan(auc({1, std::nanf(""), 3, 4}, labels)));
}

TEST_CASE("counts and hits do not depend on how the set is cut; means hardly do") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 2);
  Floats logits(1000);
  for (float& logit : logits) logit = normal(random);
  const Floats labels = DrawLabels(logits, random);
  const MetricKinds metrics = {MetricKind::kLogLoss, MetricKind::kAuc, MetricKind::kAccuracy};
  const std::vector<double> whole = Measure(metrics, Binary(), logits, labels, 1);
  REQUIRE(whole.size() == 3);
  for (const int64_t slices : {2, 3, 8, 64, 1500}) {
    CAPTURE(slices);
    const std::vector<double> cut = Measure(metrics, Binary(), logits, labels, slices);
    CHECK(cut[0] == Approx(whole[0]).epsilon(2e-5));
    CHECK(cut[1] == whole[1]);
    CHECK(cut[2] == Approx(whole[2]).epsilon(2e-5));
  }
}

TEST_CASE("metrics over positions are means over all labels, and are made of the log loss") {
  const int64_t rows = 20, positions = 7, classes = 256;
  const Loss loss(ModelBuilder({positions, classes}).Loss(LossKind::kSoftmaxCrossEntropy));
  const Floats logits = RandomFloats(9, rows * positions * classes, 4.0f);
  Floats labels;
  double nats = 0, hits = 0, among_five = 0;
  for (int64_t i = 0; i < rows * positions; ++i) {
    const float* x = logits.data() + i * classes;
    std::vector<int64_t> order(classes);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [x](int64_t a, int64_t b) { return x[a] > x[b]; });
    const size_t rank = static_cast<size_t>(i % 9);
    labels.push_back(static_cast<float>(order[rank]));
    hits += rank == 0 ? 1 : 0;
    among_five += rank < 5 ? 1 : 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[c]));
    nats += std::log(sum) - x[order[rank]];
  }
  const double all = rows * positions;
  const std::vector<double> values =
      Measure({MetricKind::kAccuracy, MetricKind::kTop5, MetricKind::kLogLoss,
               MetricKind::kPerplexity, MetricKind::kBitsPerByte},
              loss, logits, labels, 3);
  CHECK(values[0] == Approx(hits / all));
  CHECK(values[1] == Approx(among_five / all));
  CHECK(values[2] == Approx(nats / all));
  CHECK(values[3] == Approx(std::exp(nats / all)).epsilon(1e-5));
  CHECK(values[4] == Approx(std::log2(std::exp(nats / all))));
}

TEST_CASE("a log loss knows nothing of smoothing and weights, and rmse is the root of a mean") {
  ModelSpec spec = ModelBuilder({4}).Loss(LossKind::kSoftmaxCrossEntropy);
  const Loss plain(spec);
  spec.loss_settings = {.label_smoothing = 0.3, .class_weights = {1, 2, 3, 4}};
  const Floats logits = RandomFloats(10, 40, 3.0f), labels = {0, 1, 2, 3, 3, 2, 1, 0, 0, 1};
  CHECK(Measure({MetricKind::kLogLoss}, Loss(spec), logits, labels, 1) ==
        Measure({MetricKind::kLogLoss}, plain, logits, labels, 1));
  const Loss squares(ModelBuilder({2}).Loss(LossKind::kMeanSquaredError));
  CHECK(Measure({MetricKind::kRmse}, squares, {1, 2, 5, 4}, {1, 0, 1, 1}, 2)[0] ==
        Approx(std::sqrt((0 + 4 + 16 + 9) / 4.0)));
}

TEST_CASE("bits a byte are all bits over all bytes where a label stands for several bytes") {
  const Loss loss(ModelBuilder({8}).Loss(LossKind::kSoftmaxCrossEntropy));
  const Floats logits = RandomFloats(12, 8 * 40, 3.0f);
  Floats labels;
  double nats = 0, bytes = 0;
  for (size_t row = 0; row < 40; ++row) {
    const size_t label = row * 5 % 8;
    labels.push_back(static_cast<float>(label));
    double sum = 0;
    for (size_t c = 0; c < 8; ++c) sum += std::exp(static_cast<double>(logits[8 * row + c]));
    nats += std::log(sum) - static_cast<double>(logits[8 * row + label]);
    bytes += static_cast<double>(1 + label % 3);
  }
  const MetricKinds kinds = {MetricKind::kBitsPerByte, MetricKind::kPerplexity};
  Floats shares(2);
  MetricShares(kinds, MetricSums(kinds, loss, CpuOps(), 40, logits.data(), labels.data()), 40,
               shares.data());
  const std::vector<double> values = MetricValues(kinds, shares.data(), bytes / 40);
  CHECK(values[0] == Approx(nats / std::log(2.0) / bytes));
  CHECK(values[1] == Approx(std::exp(nats / 40)).epsilon(1e-5));
}

TEST_CASE("a metric that the loss has not is NaN") {
  const Loss classes(ModelBuilder({3}).Loss(LossKind::kSoftmaxCrossEntropy));
  const Floats logits = {1, 2, 3, 4, 5, 6}, labels = {0, 1};
  for (const MetricKind kind : {MetricKind::kAuc, MetricKind::kRmse}) {
    CHECK(std::isnan(Measure({kind}, classes, logits, labels, 1)[0]));
  }
  CHECK(std::isnan(Measure({MetricKind::kTop5}, Binary(), {1, 2}, {0, 1}, 1)[0]));
}

TEST_CASE("a test set is refused whose counts would not be exact") {
  const uint64_t most = uint64_t{1} << 24;
  const MetricKinds with = {MetricKind::kAccuracy, MetricKind::kAuc};
  CHECK(CheckTestSet(with, most).ok());
  CHECK(CheckTestSet({MetricKind::kAccuracy}, most + 1).ok());
  CHECK(
      CheckTestSet(with, most + 1).message() ==
      "found a test set of 16777217 samples; auc counts exactly up to 16777216, expected no more");
}

TEST_CASE("all metrics together fit in one block") {
  JobSpec spec;
  spec.skips_nonfinite = true;
  spec.evaluate.metrics = {MetricKind::kAccuracy,   MetricKind::kTop5, MetricKind::kLogLoss,
                           MetricKind::kPerplexity, MetricKind::kAuc,  MetricKind::kRmse,
                           MetricKind::kBitsPerByte};
  CHECK(spec.MetricFloats() == 4 + 6 + 2 * kScoreBins + 1);
  CHECK(spec.MetricFloats() <= kBlockFloats);
}

}  // namespace paracord
