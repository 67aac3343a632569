#include <catch2/catch.hpp>
#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "common/job/optimizer.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;

OptimizerSpec Spec(Kind kind, bool nesterov = false) {
  OptimizerSpec spec;
  spec.kind = kind;
  spec.nesterov = nesterov;
  spec.lr = 0.05;
  spec.beta2 = 0.9;  // else the first steps, which no part resembles, are most of the way
  return spec;
}

// One weight.
struct Point {
  float weight = 1, state1 = 0, state2 = 0;

  void Apply(const UpdateStep& step, float gradient) {
    Point next;
    ApplyUpdate(
        step,
        {&gradient, nullptr, &weight, &next.weight, &state1, &next.state1, &state2, &next.state2},
        1);
    *this = next;
  }
};

// `steps` steps with one gradient, each in `parts` equal parts.
Point InParts(const OptimizerSpec& spec, int steps, int parts, float gradient) {
  Point point;
  for (int i = 0; i < steps * parts; ++i) {
    const UpdateStep whole = PrepareUpdate(spec, static_cast<uint64_t>(i / parts), 100);
    point.Apply(PartOf(whole, spec, 1.0 / parts, static_cast<double>(i + 1) / parts), gradient);
  }
  return point;
}

TEST_CASE("a step in parts moves states and weights about as far as the whole step") {
  constexpr int kSteps = 40;
  for (const Kind kind :
       {Kind::kSgd, Kind::kAdagrad, Kind::kRmsprop, Kind::kAdam, Kind::kAdamw, Kind::kMomentum}) {
    // Momentum in parts is Nesterov's.
    const OptimizerSpec spec = Spec(kind, kind == Kind::kMomentum);
    Point whole;
    for (uint64_t step = 0; step < kSteps; ++step) {
      whole.Apply(PrepareUpdate(spec, step, 100), 0.25f);
    }
    for (const int parts : {1, 2, 8, 64}) {
      CAPTURE(static_cast<int>(kind), parts);
      const Point point = InParts(spec, kSteps, parts, 0.25f);
      const double moved = 1 - whole.weight;
      CHECK(1 - point.weight == Approx(moved).epsilon(parts == 1 ? 1e-4 : 0.12));
      CHECK(point.state1 == Approx(whole.state1).epsilon(1e-3));
      CHECK(point.state2 == Approx(whole.state2).epsilon(1e-2));
    }
  }
}

TEST_CASE("momentum of a part that is the whole step is Nesterov's rule") {
  const OptimizerSpec spec = Spec(Kind::kMomentum, true);
  Point whole, part;
  for (uint64_t step = 0; step < 30; ++step) {
    const float gradient = std::sin(static_cast<float>(step));
    const UpdateStep update = PrepareUpdate(spec, step, 30);
    whole.Apply(update, gradient);
    part.Apply(PartOf(update, spec, 1, static_cast<double>(step) + 1), gradient);
    CHECK(part.weight == Approx(whole.weight).epsilon(1e-5));
    CHECK(part.state1 == Approx(whole.state1).epsilon(1e-5));
  }
}

TEST_CASE("a part without momentum is its share of plain descent") {
  OptimizerSpec spec = Spec(Kind::kMomentum);
  spec.momentum = 0;
  Point point;
  point.Apply(PartOf(PrepareUpdate(spec, 0, 10), spec, 0.25, 0.25), 2);
  CHECK(point.weight == Approx(1 - 0.05 * 0.25 * 2));
}

TEST_CASE("an average over parts, however small, is of what it averages") {
  OptimizerSpec spec = Spec(Kind::kRmsprop);
  spec.beta2 = 0.999;
  for (const int parts : {1, 8, 64, 1024}) {
    CAPTURE(parts);
    const UpdateStep part = PartOf(PrepareUpdate(spec, 0, 10), spec, 1.0 / parts, 1);
    CHECK(part.take2 == 1 - part.beta2);
    CHECK(part.take2 == Approx(1 - std::pow(0.999, 1.0 / parts)).epsilon(0.05));
    CHECK(part.correction2 == Approx(0.001).epsilon(0.05));
  }
}

// Descent on curvature/2 x^2 in eighths of a step with gradients that are a step old: how far it is
// from the bottom after `steps` steps.
double DistanceWithOldGradients(double curvature, bool parts, int steps) {
  constexpr int kParts = 8;
  OptimizerSpec spec = Spec(Kind::kMomentum);
  spec.lr = 1;
  UpdateStep plain = PrepareUpdate(spec, 0, 10);
  plain.lr /= kParts;
  const UpdateStep update =
      parts ? PartOf(PrepareUpdate(spec, 0, 10), spec, 1.0 / kParts, 1) : plain;
  Point point;
  std::deque<float> seen(kParts, point.weight);
  for (int i = 0; i < steps * kParts; ++i) {
    point.Apply(update, static_cast<float>(curvature * seen.front()));
    seen.pop_front();
    seen.push_back(point.weight);
    if (!(std::abs(point.weight) < 1e6f)) return INFINITY;
  }
  return std::abs(point.weight);
}

// Learning rate times curvature: bsp bears 2 (1 + 0.9), plain momentum with old gradients 0.126.
TEST_CASE("momentum of parts is stable with gradients a step old where plain momentum is not") {
  for (const double curvature : {0.05, 0.2, 0.5}) {
    CAPTURE(curvature);
    CHECK(DistanceWithOldGradients(curvature, true, 400) < 0.05);
  }
  CHECK(DistanceWithOldGradients(0.2, false, 400) == INFINITY);
}

}  // namespace
}  // namespace paracord
