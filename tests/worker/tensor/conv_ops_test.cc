#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/worker/tensor/ops_check.h"
#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

// rows, in, height, width, out, kernel height and width, stride, padding, groups
const ConvShape kShapes[] = {
    {4, 1, 28, 28, 20, 5, 5, 1, 0, 1},   // LeNet
    {4, 20, 12, 12, 50, 5, 5, 1, 0, 1},  //
    {3, 1, 28, 28, 16, 3, 3, 1, 1, 1},   // ResNet-14
    {3, 16, 28, 28, 16, 3, 3, 1, 1, 1},  //
    {3, 16, 28, 28, 32, 3, 3, 2, 1, 1},  //
    {3, 16, 28, 28, 32, 1, 1, 2, 0, 1},  //
    {3, 32, 14, 14, 32, 3, 3, 1, 1, 1},  //
    {5, 64, 7, 7, 64, 3, 3, 1, 1, 1},    //
    {2, 16, 13, 9, 32, 3, 3, 1, 0, 1},   // tiles of 4 x 4 that are not whole
    {3, 48, 11, 5, 16, 3, 3, 1, 2, 1},   //
    {2, 128, 6, 6, 64, 3, 3, 1, 1, 1},   //
    {2, 3, 33, 31, 64, 7, 7, 2, 3, 1},   // ResNet-18's first
    {2, 3, 32, 32, 48, 8, 8, 8, 0, 1},   // patches
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 1},      // one pixel
    {2, 3, 1, 1, 4, 3, 3, 1, 1, 1},      // and its padding
    {2, 16, 1, 1, 16, 3, 3, 1, 2, 1},    // windows in the padding alone
    {2, 5, 6, 4, 3, 2, 3, 3, 0, 1},      // stride above the kernel
    {2, 16, 9, 9, 16, 2, 2, 3, 0, 1},    //
    {2, 8, 6, 6, 8, 3, 3, 1, 1, 8},      // depthwise
    {2, 32, 7, 7, 32, 3, 3, 2, 1, 32},   //
    {2, 6, 5, 5, 12, 3, 3, 1, 1, 3},     // groups
    {2, 64, 6, 6, 32, 3, 3, 1, 1, 2},    //
    {2, 12, 5, 7, 10, 1, 1, 1, 0, 2},    // pointwise
    {2, 16, 6, 6, 32, 1, 1, 1, 1, 1}};

// Channels come in multiples of `unit`.
ConvShape RandomShape(uint64_t seed, int64_t unit) {
  Draw draw(seed);
  ConvShape s = {};
  s.groups = draw(1, 4) == 1 ? draw(2, 4) : 1;
  s.in_channels = s.groups * unit * draw(1, unit > 1 ? 3 : 20);
  s.out_channels = s.groups * unit * draw(1, unit > 1 ? 3 : 20);
  s.rows = draw(1, 4);
  s.kernel_height = draw(1, 5);
  s.kernel_width = draw(1, 5);
  s.padding = draw(0, 3);
  s.stride = draw(1, 4);
  s.height = draw(std::max<int64_t>(1, s.kernel_height - 2 * s.padding), 12);
  s.width = draw(std::max<int64_t>(1, s.kernel_width - 2 * s.padding), 12);
  return s;
}

struct Tensors {
  explicit Tensors(const ConvShape& s)
      : x(RandomFloats(1, s.rows * s.input(), 1.0f)),
        weight(RandomFloats(2, s.weight(), 1.0f)),
        bias(RandomFloats(3, s.out_channels, 1.0f)),
        dy(RandomFloats(4, s.rows * s.output(), 1.0f)) {}
  Floats x, weight, bias, dy;
};

// y, dx, dweight, dbias.
Results Compute(const Ops& ops, const ConvShape& s, const Tensors& t, bool bias = true) {
  Results all = {Unset(s.rows * s.output()), Unset(s.rows * s.input()), Unset(s.weight()),
                 Unset(s.out_channels)};
  Floats scratch = Unset(ops.ConvScratch(s));
  ops.ConvForward(s, t.x.data(), t.weight.data(), bias ? t.bias.data() : nullptr, all[0].data(),
                  scratch.data());
  ops.ConvInputGradient(s, t.dy.data(), t.weight.data(), all[1].data(), scratch.data());
  ops.ConvWeightGradient(s, t.dy.data(), t.x.data(), all[2].data(), scratch.data());
  ops.ConvBiasGradient(s, t.dy.data(), all[3].data());
  return all;
}

void CheckShape(const TestedOps& tested, const ConvShape& s) {
  const Ops& ops = *tested.ops;
  CAPTURE(s.rows, s.in_channels, s.height, s.width, s.out_channels, s.kernel_height, s.kernel_width,
          s.stride, s.padding, s.groups);
  const Tensors t(s);
  const Results actual = Compute(ops, s, t);
  CheckClose(actual, Compute(ReferenceOps(), s, t), 5e-6);
  CheckClose(Compute(ops, s, t, false), Compute(ReferenceOps(), s, t, false), 5e-6);
  CheckSameBitsAgain(tested, actual, [&](const Ops& twin) { return Compute(twin, s, t); });
}

}  // namespace

TEST_CASE("convolutions equal the plain loops, and have the same bits again") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  for (const ConvShape& shape : kShapes) CheckShape(tested, shape);
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    CheckShape(tested, RandomShape(seed, 1));
    CheckShape(tested, RandomShape(seed, 16));
  }
}

TEST_CASE("a row of a convolution has the same bits whatever rows it is computed with") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (ConvShape whole : kShapes) {
    whole.rows = 19;
    const Tensors t(whole);
    const Results all = Compute(ops, whole, t);
    for (const int64_t rows : {1, 2, 3, 8, 15, 16, 17, 18}) {
      ConvShape s = whole;
      s.rows = rows;
      const int64_t first = rows * 7 % (whole.rows - rows + 1);
      CAPTURE(s.in_channels, s.out_channels, s.height, s.kernel_height, rows, first);
      Tensors part = t;
      part.x = Part(t.x, first * s.input(), rows * s.input());
      part.dy = Part(t.dy, first * s.output(), rows * s.output());
      const Results some = Compute(ops, s, part);
      CHECK(SameBits(some[0], Part(all[0], first * s.output(), rows * s.output())));
      CHECK(SameBits(some[1], Part(all[1], first * s.input(), rows * s.input())));
    }
  }
}

TEST_CASE("where tensors lie in memory does not change the bits of a convolution") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const ConvShape& s : {kShapes[1], kShapes[3], kShapes[11]}) {
    const Tensors t(s);
    const Results expected = Compute(ops, s, t);
    for (const size_t shift : {1, 5, 15}) {
      const auto moved = [shift](const Floats& from) {
        Floats to(shift);
        to.insert(to.end(), from.begin(), from.end());
        return to;
      };
      const Floats x = moved(t.x), weight = moved(t.weight), dy = moved(t.dy);
      Results all = expected;
      Floats scratch = Unset(ops.ConvScratch(s) + static_cast<int64_t>(shift));
      float* scratch_at = scratch.data() + shift;
      ops.ConvForward(s, x.data() + shift, weight.data() + shift, t.bias.data(), all[0].data(),
                      scratch_at);
      ops.ConvInputGradient(s, dy.data() + shift, weight.data() + shift, all[1].data(), scratch_at);
      ops.ConvWeightGradient(s, dy.data() + shift, x.data() + shift, all[2].data(), scratch_at);
      CHECK(SameBits(all, expected));
    }
  }
}

TEST_CASE("scratch for many rows serves fewer, and gradients over no rows are positive zeros") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (ConvShape s : kShapes) {
    int64_t larger = 0;
    for (const int64_t rows : {0, 1, 5, 16, 33}) {
      s.rows = rows;
      CAPTURE(s.in_channels, s.out_channels, s.height, rows);
      CHECK(ops.ConvScratch(s) >= larger);
      larger = ops.ConvScratch(s);
    }
    s.rows = 0;
    const Results none = Compute(ops, s, Tensors(s));
    CHECK(SameBits(none[2], Zeros(s.weight())));
    CHECK(SameBits(none[3], Zeros(s.out_channels)));
  }
}

TEST_CASE("a convolution never starts a thread") {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const ConvShape s = {16, 32, 28, 28, 64, 3, 3, 1, 1, 1};
  const Tensors t(s);
  int64_t before = 0, after = 0;
  std::thread fresh([&] {  // a thread whose share of OpenMP nobody has set
    before = threads();
    Compute(CpuOps(), s, t);
    after = threads();
  });
  fresh.join();
  CHECK(after == before);
}

}  // namespace paracord
