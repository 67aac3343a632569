#include <cmath>
#include <set>
#include <utility>

#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

// Least squares by the normal equations, solved by Gaussian elimination: the oracle for a linear
// map.
std::vector<double> FitLinear(const Values& values, size_t features) {
  std::vector<std::vector<double>> a(features, std::vector<double>(features + 1));
  for (size_t s = 0; s < values.labels.size(); ++s) {
    const float* x = &values.features[s * features];
    for (size_t i = 0; i < features; ++i) {
      for (size_t j = 0; j < features; ++j) a[i][j] += double{x[i]} * x[j];
      a[i][features] += double{x[i]} * values.labels[s];
    }
  }
  for (size_t i = 0; i < features; ++i) {
    for (size_t row = 0; row < features; ++row) {
      if (row == i) continue;
      const double factor = a[row][i] / a[i][i];
      for (size_t j = i; j <= features; ++j) a[row][j] -= factor * a[i][j];
    }
  }
  std::vector<double> weights(features);
  for (size_t i = 0; i < features; ++i) weights[i] = a[i][features] / a[i][i];
  return weights;
}

double MeanSquaredError(const Values& values, const std::vector<double>& weights) {
  double sum = 0;
  for (size_t s = 0; s < values.labels.size(); ++s) {
    double error = -values.labels[s];
    for (size_t i = 0; i < weights.size(); ++i) {
      error += weights[i] * values.features[s * weights.size() + i];
    }
    sum += error * error;
  }
  return sum / static_cast<double>(values.labels.size());
}

TEST_CASE("a synthetic set is the same for the same spec and another for another seed") {
  const Values first = ReadAll(*MustOpen(SyntheticSpec(100, 7, 3, 0.1, 17)));
  CHECK(first == ReadAll(*MustOpen(SyntheticSpec(100, 7, 3, 0.1, 17))));
  CHECK(first.features != ReadAll(*MustOpen(SyntheticSpec(100, 7, 3, 0.1, 18))).features);
}

TEST_CASE("the first values of a synthetic set never change") {
  // Worked out by a separate program from the header's words: features in units of 2^-23.
  const std::vector<float> expected = {2186198,  5718585,  4956896,  -3789557,
                                       -6905912, -2431330, -1094385, -6244590};
  const auto data = MustOpen(SyntheticSpec(4, 2, 5, 0, 1));
  CHECK(ReadAll(*data, 0x1p23f).features == expected);
  CHECK(ReadAll(*data).labels == std::vector<float>{2, 3, 1, 1});
}

TEST_CASE("a synthetic test set of another size holds other samples of the same regression map") {
  const Values train = ReadAll(*MustOpen(SyntheticSpec(2000, 8, 0, 0, 5)));
  const Values test = ReadAll(*MustOpen(SyntheticSpec(500, 8, 0, 0, 5)));
  const std::vector<double> weights = FitLinear(train, 8);
  CHECK(MeanSquaredError(test, weights) < 1e-10);
  std::set<std::vector<float>> seen;
  for (size_t s = 0; s < 2000; ++s) {
    seen.insert({&train.features[s * 8], &train.features[s * 8] + 8});
  }
  for (size_t s = 0; s < 500; ++s) {
    CHECK(seen.count({&test.features[s * 8], &test.features[s * 8] + 8}) == 0);
  }
  const Values other = ReadAll(*MustOpen(SyntheticSpec(500, 8, 0, 0, 6)));
  CHECK(MeanSquaredError(other, weights) > 0.1);
}

TEST_CASE("the best error of a synthetic regression is the square of its noise") {
  const Values train = ReadAll(*MustOpen(SyntheticSpec(5000, 8, 0, 0.2, 5)));
  const Values test = ReadAll(*MustOpen(SyntheticSpec(4000, 8, 0, 0.2, 5)));
  CHECK(MeanSquaredError(test, FitLinear(train, 8)) == Approx(0.04).epsilon(0.05));
  CHECK(MeanSquaredError(train, std::vector<double>(8, 0.0)) == Approx(1).epsilon(0.8));
}

TEST_CASE("synthetic classes come from a linear map, and noise replaces its share of labels") {
  const Values clean = ReadAll(*MustOpen(SyntheticSpec(4000, 6, 4, 0, 9)));
  const Values noisy = ReadAll(*MustOpen(SyntheticSpec(4000, 6, 4, 0.3, 9)));
  CHECK(clean.features == noisy.features);
  size_t changed = 0;
  std::vector<size_t> count(4);
  for (size_t s = 0; s < clean.labels.size(); ++s) {
    changed += clean.labels[s] != noisy.labels[s] ? 1 : 0;
    ++count.at(static_cast<size_t>(clean.labels[s]));
  }
  // A random label is the old one in a quarter of the cases: 0.3 * 3/4.
  CHECK(static_cast<double>(changed) / 4000 == Approx(0.225).margin(0.02));
  for (const size_t samples : count) CHECK(samples > 200);
  // A linear map has no offset: -x has the smallest output where x has the largest, so never the
  // same class. So a perceptron without bias must separate class 0 from 1 among their samples.
  std::vector<double> w(6);
  size_t wrong = 1;
  for (int epoch = 0; epoch < 2000 && wrong > 0; ++epoch) {
    wrong = 0;
    for (size_t s = 0; s < clean.labels.size(); ++s) {
      if (clean.labels[s] > 1) continue;
      const double sign = clean.labels[s] == 0 ? 1 : -1;
      double output = 0;
      for (size_t i = 0; i < 6; ++i) output += w[i] * clean.features[s * 6 + i];
      if (output * sign > 0) continue;
      ++wrong;
      for (size_t i = 0; i < 6; ++i) w[i] += sign * clean.features[s * 6 + i];
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a synthetic spec that makes no sense is refused with what was found") {
  CHECK_THAT(ErrorOf(SyntheticSpec(0, 2, 2, 0, 1)), Contains("found 0 samples of 2 features"));
  CHECK_THAT(ErrorOf(SyntheticSpec(2, 0, 2, 0, 1)), Contains("found 2 samples of 0 features"));
  CHECK_THAT(ErrorOf(SyntheticSpec(2, 2, -1, 0, 1)), Contains("found -1 classes"));
  CHECK_THAT(ErrorOf(SyntheticSpec(2, 2, 2, 1.5, 1)), Contains("found noise 1.5"));
  CHECK_THAT(ErrorOf(SyntheticSpec(2, 2, 0, NAN, 1)), Contains("found noise nan"));
  CHECK_THAT(ErrorOf(SyntheticSpec(int64_t{1} << 62, 1 << 20, 2, 0, 1)), Contains("memory"));
}

}  // namespace
}  // namespace paracord
