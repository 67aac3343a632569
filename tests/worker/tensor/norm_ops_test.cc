#include <catch2/catch.hpp>

#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

constexpr float kEpsilon = 1e-5f;

// rows, channels, points, groups
const ChannelShape kShapes[] = {{16, 16, 784, 4}, {8, 64, 49, 8}, {5, 6, 17, 3},  {7, 33, 1, 3},
                                {3, 4, 2, 1},     {1, 5, 9, 5},   {40, 1, 1, 1},  {1, 1, 16, 1},
                                {2, 12, 15, 2},   {9, 16, 1, 4},  {2, 1500, 3, 5}};

struct Tensors {
  Tensors(int64_t count, int64_t channels)
      : x(RandomFloats(1, count, 3.0f)),
        dy(RandomFloats(2, count, 1.0f)),
        gamma(RandomFloats(3, channels, 2.0f)),
        beta(RandomFloats(4, channels, 1.0f)) {
    for (float& value : x) value += 10.0f;  // far from zero
  }
  Floats x, dy, gamma, beta;
};

struct Norm {
  const char* name;
  // y, dx, dgamma, dbeta and what is kept; `in_place`: y is x, dx is dy.
  Results (*compute)(const Ops& ops, const ChannelShape& s, const Tensors& t, bool in_place);
  bool rows_alone;  // y and dx of a row do not depend on other rows
};

Results Batch(const Ops& ops, const ChannelShape& s, const Tensors& t, bool in_place) {
  const auto count = static_cast<int64_t>(t.x.size());
  Results all = {in_place ? t.x : Unset(count),
                 in_place ? t.dy : Unset(count),
                 Unset(s.channels),
                 Unset(s.channels),
                 Unset(s.channels),
                 Unset(s.channels)};
  float *mean = all[4].data(), *variance = all[5].data();
  ops.BatchNormStatistics(s, t.x.data(), mean, variance);
  ops.BatchNormForward(s, kEpsilon, in_place ? all[0].data() : t.x.data(), mean, variance,
                       t.gamma.data(), t.beta.data(), all[0].data());
  ops.BatchNormBackward(s, kEpsilon, t.x.data(), mean, variance, t.gamma.data(),
                        in_place ? all[1].data() : t.dy.data(), all[1].data(), all[2].data(),
                        all[3].data());
  return all;
}

Results Group(const Ops& ops, const ChannelShape& s, const Tensors& t, bool in_place) {
  const auto count = static_cast<int64_t>(t.x.size());
  Results all = {in_place ? t.x : Unset(count), in_place ? t.dy : Unset(count), Unset(s.channels),
                 Unset(s.channels), Unset(2 * s.rows * s.groups)};
  ops.GroupNormForward(s, kEpsilon, in_place ? all[0].data() : t.x.data(), t.gamma.data(),
                       t.beta.data(), all[0].data(), all[4].data());
  ops.GroupNormBackward(s, t.x.data(), all[4].data(), t.gamma.data(),
                        in_place ? all[1].data() : t.dy.data(), all[1].data(), all[2].data(),
                        all[3].data());
  return all;
}

// The two below are over tokens of `channels` values.
template <bool kBeta>
Results LayerNorm(const Ops& ops, const ChannelShape& s, const Tensors& t, bool in_place) {
  const auto count = static_cast<int64_t>(t.x.size());
  const int64_t rows = s.rows * s.points;
  Results all = {in_place ? t.x : Unset(count), in_place ? t.dy : Unset(count), Unset(s.channels),
                 kBeta ? Unset(s.channels) : Floats(), Unset(2 * rows)};
  ops.LayerNormForward(rows, s.channels, kEpsilon, in_place ? all[0].data() : t.x.data(),
                       t.gamma.data(), kBeta ? t.beta.data() : nullptr, all[0].data(),
                       all[4].data());
  ops.LayerNormBackward(rows, s.channels, t.x.data(), all[4].data(), t.gamma.data(),
                        in_place ? all[1].data() : t.dy.data(), all[1].data(), all[2].data(),
                        kBeta ? all[3].data() : nullptr);
  return all;
}

Results RmsNorm(const Ops& ops, const ChannelShape& s, const Tensors& t, bool in_place) {
  const auto count = static_cast<int64_t>(t.x.size());
  const int64_t rows = s.rows * s.points;
  Results all = {in_place ? t.x : Unset(count), in_place ? t.dy : Unset(count), Unset(s.channels),
                 Floats(), Unset(rows)};
  ops.RmsNormForward(rows, s.channels, kEpsilon, in_place ? all[0].data() : t.x.data(),
                     t.gamma.data(), all[0].data(), all[4].data());
  ops.RmsNormBackward(rows, s.channels, t.x.data(), all[4].data(), t.gamma.data(),
                      in_place ? all[1].data() : t.dy.data(), all[1].data(), all[2].data());
  return all;
}

const Norm kNorms[] = {{"batch", Batch, false},
                       {"group", Group, true},
                       {"layer", LayerNorm<true>, true},
                       {"layer without beta", LayerNorm<false>, true},
                       {"rms", RmsNorm, true}};

Tensors TensorsFor(const ChannelShape& s) {
  return Tensors(s.rows * s.channels * s.points, s.channels);
}

}  // namespace

TEST_CASE("norms equal the plain loops, in place too, again and at every width") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Norm& norm : kNorms) {
    for (const ChannelShape& s : kShapes) {
      CAPTURE(norm.name, s.rows, s.channels, s.points, s.groups);
      const Tensors t = TensorsFor(s);
      const Results actual = norm.compute(ops, s, t, false);
      CheckClose(actual, norm.compute(ReferenceOps(), s, t, false), 1e-5);
      CHECK(SameBits(actual, norm.compute(ops, s, t, true)));
      CheckSameBitsAgain(tested, actual,
                         [&](const Ops& ops) { return norm.compute(ops, s, t, false); });
    }
  }
}

TEST_CASE("gradients of norms equal finite differences") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ChannelShape s = {3, 6, 5, 2};
  const Tensors t = TensorsFor(s);
  for (const Norm& norm : kNorms) {
    CAPTURE(norm.name);
    const Results all = norm.compute(ops, s, t, false);
    CheckSlopes(t.x, t.dy, all[1], 4, [&](const Floats& x) {
      Tensors moved = t;
      moved.x = x;
      return norm.compute(ReferenceOps(), s, moved, false)[0];
    });
    CheckSlopes(t.gamma, t.dy, all[2], 1, [&](const Floats& gamma) {
      Tensors moved = t;
      moved.gamma = gamma;
      return norm.compute(ReferenceOps(), s, moved, false)[0];
    });
    if (all[3].empty()) continue;
    CheckSlopes(t.beta, t.dy, all[3], 1, [&](const Floats& beta) {
      Tensors moved = t;
      moved.beta = beta;
      return norm.compute(ReferenceOps(), s, moved, false)[0];
    });
  }
}

TEST_CASE("a row of a group, layer or rms norm has the same bits whatever rows are beside it") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Norm& norm : kNorms) {
    if (!norm.rows_alone) continue;
    for (const ChannelShape& s : kShapes) {
      const Tensors t = TensorsFor(s);
      const Results all = norm.compute(ops, s, t, false);
      ChannelShape one = s;
      one.rows = 1;
      const int64_t size = s.channels * s.points;
      for (int64_t r = 0; r < s.rows; ++r) {
        Tensors part = t;
        part.x = Part(t.x, r * size, size);
        part.dy = Part(t.dy, r * size, size);
        const Results row = norm.compute(ops, one, part, false);
        CHECK(SameBits(row[0], Part(all[0], r * size, size)));
        CHECK(SameBits(row[1], Part(all[1], r * size, size)));
      }
    }
  }
}

TEST_CASE("values a million from zero are normalised by their own deviation") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Norm& norm : kNorms) {
    if (norm.compute == RmsNorm) continue;
    const ChannelShape s = {8, 4, 64, 2};
    Tensors t = TensorsFor(s);
    for (float& value : t.x) value = 1e6f + std::round(value);
    CAPTURE(norm.name);
    CheckClose({norm.compute(ops, s, t, false)[0]}, {norm.compute(ReferenceOps(), s, t, false)[0]},
               0.05);
  }
}

TEST_CASE("norms of equal values are beta, and of no rows leave gradients of zero") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Norm& norm : kNorms) {
    CAPTURE(norm.name);
    ChannelShape s = {4, 6, 3, 2};
    Tensors t = TensorsFor(s);
    t.x.assign(t.x.size(), norm.compute == RmsNorm ? 0.0f : 5.0f);
    t.beta.assign(t.beta.size(), 0.0f);
    CHECK(Distance(norm.compute(ops, s, t, false)[0], Floats(t.x.size())) == 0);
    s.rows = 0;
    const Results none = norm.compute(ops, s, TensorsFor(s), false);
    CHECK(Distance(none[2], Floats(none[2].size())) == 0);
    CHECK(Distance(none[3], Floats(none[3].size())) == 0);
  }
}

TEST_CASE("a NaN in a slice shows in what it is normalised with") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Norm& norm : kNorms) {
    for (const ChannelShape& s : kShapes) {
      Tensors t = TensorsFor(s);
      t.x[0] = std::numeric_limits<float>::quiet_NaN();
      CHECK(std::isnan(norm.compute(ops, s, t, false)[0][0]));
      CHECK(std::isnan(norm.compute(ops, s, t, false)[1][0]));
    }
  }
}

}  // namespace paracord
