#include <catch2/catch.hpp>

#include "tests/worker/tensor/ops_check.h"
#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

// rows, channels, height, width, kernel height and width, stride, padding
const PoolShape kShapes[] = {
    {3, 20, 24, 24, 2, 2, 2, 0}, {3, 50, 8, 8, 2, 2, 2, 0},  {2, 16, 28, 28, 3, 3, 2, 1},
    {4, 64, 7, 7, 7, 7, 7, 0},   {1, 1, 1, 1, 1, 1, 1, 0},   {2, 3, 5, 5, 2, 2, 3, 0},
    {2, 3, 9, 70, 3, 3, 1, 1},   {2, 3, 7, 5, 7, 1, 1, 0},   {2, 2, 9, 9, 4, 4, 4, 2},
    {2, 5, 49, 64, 49, 1, 1, 0}, {2, 2, 40, 40, 3, 5, 3, 1}, {2, 3, 6, 4, 6, 4, 1, 0}};

PoolShape RandomShape(uint64_t seed) {
  Draw draw(seed);
  PoolShape s = {draw(1, 3), draw(1, 5), 0, 0, draw(1, 5), draw(1, 5)};
  s.stride = draw(1, 4);
  s.padding = draw(0, std::min(s.kernel_height, s.kernel_width) / 2);
  s.height = draw(std::max<int64_t>(1, s.kernel_height - 2 * s.padding), 40);
  s.width = draw(std::max<int64_t>(1, s.kernel_width - 2 * s.padding), 40);
  return s;
}

struct Tensors {
  explicit Tensors(const PoolShape& s)
      : x(RandomFloats(1, s.rows * s.input(), 4.0f)),
        dy(RandomFloats(2, s.rows * s.output(), 1.0f)) {
    for (float& value : x) value = std::round(value * 4) / 4;  // many ties
  }
  Floats x, dy;
};

// y and dx of the largest, then of the mean.
Results Compute(const Ops& ops, const PoolShape& s, const Tensors& t) {
  Results all = {Unset(s.rows * s.output()), Unset(s.rows * s.input()), Unset(s.rows * s.output()),
                 Unset(s.rows * s.input())};
  Floats kept = Unset(s.rows * s.output());
  ops.MaxPoolForward(s, t.x.data(), all[0].data(), kept.data());
  ops.MaxPoolBackward(s, kept.data(), t.dy.data(), all[1].data());
  ops.AvgPoolForward(s, t.x.data(), all[2].data());
  ops.AvgPoolBackward(s, t.dy.data(), all[3].data());
  return all;
}

void CheckShape(const TestedOps& tested, const PoolShape& s) {
  const Ops& ops = *tested.ops;
  CAPTURE(s.rows, s.channels, s.height, s.width, s.kernel_height, s.kernel_width, s.stride,
          s.padding);
  const Tensors t(s);
  const Results actual = Compute(ops, s, t), expected = Compute(ReferenceOps(), s, t);
  CheckClose(actual, expected, 1e-6);
  CHECK(SameBits(actual[0], expected[0]));
  CheckSameBitsAgain(tested, actual, [&](const Ops& twin) { return Compute(twin, s, t); });
  for (int64_t r = 0; r < s.rows; ++r) {
    PoolShape one = s;
    one.rows = 1;
    Tensors part = t;
    part.x = Part(t.x, r * s.input(), s.input());
    part.dy = Part(t.dy, r * s.output(), s.output());
    const Results row = Compute(ops, one, part);
    for (size_t i = 0; i < row.size(); ++i) {
      const auto count = static_cast<int64_t>(row[i].size());
      CHECK(SameBits(row[i], Part(actual[i], r * count, count)));
    }
  }
}

}  // namespace

TEST_CASE("pools equal the plain loops, again and at every width, and a row does not see others") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  for (const PoolShape& shape : kShapes) CheckShape(tested, shape);
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    CheckShape(tested, RandomShape(seed));
  }
}

TEST_CASE("gradients of pools equal finite differences") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const PoolShape s = {2, 2, 9, 9, 3, 3, 2, 1};
  Tensors t(s);
  for (size_t i = 0; i < t.x.size(); ++i) {  // further apart than a step
    t.x[i] = static_cast<float>(i * 37 % t.x.size()) * 0.0625f;
  }
  const Results all = Compute(ops, s, t);
  for (const size_t kind : {0, 1}) {
    CheckSlopes(t.x, t.dy, all[2 * kind + 1], 5, [&](const Floats& x) {
      Tensors moved = t;
      moved.x = x;
      return Compute(ReferenceOps(), s, moved)[2 * kind];
    });
  }
}

TEST_CASE("a max pool takes the first of equal values, and a NaN before all") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  const float kLow = -std::numeric_limits<float>::infinity();
  const PoolShape s = {1, 1, 1, 8, 1, 4, 4, 0};
  const Floats x = {1, 2, 2, 0, 3, kNan, 9, kNan}, dy = {1, 10};
  Floats y(2), kept(2), dx(8);
  ops.MaxPoolForward(s, x.data(), y.data(), kept.data());
  ops.MaxPoolBackward(s, kept.data(), dy.data(), dx.data());
  CHECK(y[0] == 2);
  CHECK(std::isnan(y[1]));
  CHECK(dx == Floats{0, 1, 0, 0, 0, 10, 0, 0});
  const Floats lowest(8, kLow);
  ops.MaxPoolForward(s, lowest.data(), y.data(), kept.data());
  ops.MaxPoolBackward(s, kept.data(), dy.data(), dx.data());
  CHECK(y == Floats{kLow, kLow});
  CHECK(dx == Floats{1, 0, 0, 0, 10, 0, 0, 0});
}

TEST_CASE("the mean of a window counts its padding") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const Floats x = {4};
  Floats y(1), dx(1);
  const PoolShape s = {1, 1, 1, 1, 2, 2, 2, 1};
  CHECK(s.output() == 1);
  ops.AvgPoolForward(s, x.data(), y.data());
  CHECK(y[0] == 1);
  ops.AvgPoolBackward(s, x.data(), dx.data());
  CHECK(dx[0] == 1);
}

TEST_CASE("pools of no rows do nothing") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const PoolShape none = {0, 3, 4, 4, 2, 2, 2, 0};
  CHECK(SameBits(Compute(ops, none, Tensors(none)), Results(4)));
}

}  // namespace paracord
