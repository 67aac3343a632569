#include "worker/tensor/cpu_ops.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/model_builder.h"
#include "tests/worker/tensor/ops_check.h"
#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

const LinearShape kShapes[] = {{1, 1, 1},    {1, 784, 10},  {3, 5, 7},     {15, 33, 17},
                               {16, 64, 4},  {17, 100, 31}, {63, 784, 64}, {65, 130, 129},
                               {128, 48, 3}, {150, 257, 1}, {2, 1, 300},   {70, 1500, 40}};

Floats Forward(const Ops& ops, const LinearShape& shape, const float* x, const Floats& weight,
               const float* bias) {
  Floats y = Zeros(shape.rows * shape.outputs), scratch = Zeros(ops.LinearScratch(shape));
  ops.LinearForward(shape, x, weight.data(), bias, y.data(), scratch.data());
  return y;
}

struct Gradients3 {
  Floats weight, bias, x;
};

Gradients3 Backward(const Ops& ops, const LinearShape& shape, const Floats& x, const Floats& weight,
                    const Floats& dy) {
  const float kNan = std::numeric_limits<float>::quiet_NaN();  // what must be overwritten
  Gradients3 g = {Floats(weight.size(), kNan), Floats(static_cast<size_t>(shape.outputs), kNan),
                  Floats(x.size(), kNan)};
  ops.LinearInputGradient(shape, dy.data(), weight.data(), g.x.data());
  ops.LinearWeightGradient(shape, dy.data(), x.data(), g.weight.data());
  ops.BiasGradient(shape, dy.data(), g.bias.data());
  return g;
}

}  // namespace

TEST_CASE(
    "linear forward and backward equal the plain loops on odd shapes, twice with the same bits") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  for (const LinearShape& shape : kShapes) {
    CAPTURE(shape.rows, shape.inputs, shape.outputs);
    const Floats x = RandomFloats(1, shape.rows * shape.inputs, 1.0f);
    const Floats weight = RandomFloats(2, shape.outputs * shape.inputs, 1.0f);
    const Floats bias = RandomFloats(3, shape.outputs, 1.0f);
    const Floats dy = RandomFloats(4, shape.rows * shape.outputs, 1.0f);
    for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
      const Floats y = Forward(ops, shape, x.data(), weight, b);
      CHECK(Distance(y, Forward(reference, shape, x.data(), weight, b)) < 1e-5);
      CHECK(SameBits(y, Forward(ops, shape, x.data(), weight, b)));
    }
    const Gradients3 actual = Backward(ops, shape, x, weight, dy);
    const Gradients3 expected = Backward(reference, shape, x, weight, dy);
    CHECK(Distance(actual.weight, expected.weight) < 1e-5);
    CHECK(Distance(actual.bias, expected.bias) < 1e-5);
    CHECK(Distance(actual.x, expected.x) < 1e-5);
    const Gradients3 again = Backward(ops, shape, x, weight, dy);
    CHECK(SameBits(actual.weight, again.weight));
    CHECK(SameBits(actual.bias, again.bias));
    CHECK(SameBits(actual.x, again.x));
  }
}

TEST_CASE("a forward row has the same bits whatever rows it is computed with") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const auto& [inputs, outputs] :
       {std::pair<int64_t, int64_t>{784, 512}, {7, 10}, {1025, 33}, {256, 1}}) {
    const LinearShape whole = {150, inputs, outputs};
    const Floats x = RandomFloats(5, whole.rows * inputs, 1.0f);
    const Floats weight = RandomFloats(6, outputs * inputs, 1.0f);
    const Floats bias = RandomFloats(7, outputs, 1.0f);
    const Floats y = Forward(ops, whole, x.data(), weight, bias.data());
    for (int64_t rows : {1, 2, 3, 8, 15, 16, 20, 31, 32, 33, 56, 63, 64, 65, 100, 128, 149}) {
      const int64_t first = (rows * 37) % (whole.rows - rows + 1);
      CAPTURE(inputs, outputs, rows, first);
      const Floats part =
          Forward(ops, {rows, inputs, outputs}, x.data() + first * inputs, weight, bias.data());
      CHECK(SameBits(part,
                     Floats(y.begin() + first * outputs, y.begin() + (first + rows) * outputs)));
    }
  }
}

TEST_CASE("where a weight lies in memory does not change the bits of a product") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const LinearShape shape = {33, 100, 31};
  const Floats x = RandomFloats(8, shape.rows * shape.inputs, 1.0f);
  const Floats weight = RandomFloats(9, shape.outputs * shape.inputs, 1.0f);
  const Floats y = Forward(ops, shape, x.data(), weight, nullptr);
  for (size_t shift = 1; shift < 16; ++shift) {
    Floats moved(weight.size() + shift);
    std::copy(weight.begin(), weight.end(), moved.begin() + static_cast<int64_t>(shift));
    Floats other = Zeros(shape.rows * shape.outputs), scratch = Zeros(ops.LinearScratch(shape));
    ops.LinearForward(shape, x.data(), moved.data() + shift, nullptr, other.data(), scratch.data());
    CHECK(SameBits(y, other));
  }
}

TEST_CASE("gradients over no rows are positive zeros, and a bias gradient of one row keeps -0") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const LinearShape none = {0, 5, 3};
  const Gradients3 g = Backward(ops, none, {}, Floats(15, 1.0f), {});
  CHECK(SameBits(g.weight, Floats(15, 0.0f)));
  CHECK(SameBits(g.bias, Floats(3, 0.0f)));
  const Floats dy(3, -0.0f);
  Floats bias(3, 1.0f);
  ops.BiasGradient({1, 5, 3}, dy.data(), bias.data());
  CHECK(SameBits(bias, dy));
}

TEST_CASE("a product never starts a thread") {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const CpuOps cpu;
  const LinearShape shape = {256, 512, 512};
  const Floats x(static_cast<size_t>(shape.rows * shape.inputs), 1.0f);
  const Floats weight(static_cast<size_t>(shape.outputs * shape.inputs), 1.0f);
  int64_t before = 0, after = 0;
  std::thread fresh([&] {  // a thread whose share of OpenMP nobody has set
    before = threads();
    Backward(cpu, shape, x, weight, Forward(cpu, shape, x.data(), weight, nullptr));
    after = threads();
  });
  fresh.join();
  CHECK(after == before);
}

TEST_CASE("activations and their slopes equal the plain functions, in place too") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  for (const Activation kind : {Activation::kRelu, Activation::kTanh, Activation::kSigmoid,
                                Activation::kGelu, Activation::kSilu}) {
    for (int64_t count : {1, 3, 15, 16, 17, 1000}) {
      CAPTURE(static_cast<int>(kind), count);
      const Floats x = RandomFloats(10, count, 8.0f), dy = RandomFloats(11, count, 1.0f);
      Floats y = Zeros(count), expected = Zeros(count), in_place = x;
      ops.ActivationForward(kind, count, x.data(), y.data());
      reference.ActivationForward(kind, count, x.data(), expected.data());
      CHECK(Distance(y, expected) < 5e-7);
      ops.ActivationForward(kind, count, in_place.data(), in_place.data());
      CHECK(SameBits(in_place, y));
      CheckSameBitsAgain(tested, {y}, [&](const Ops& ops) {
        Results again = {Zeros(count)};
        ops.ActivationForward(kind, count, x.data(), again[0].data());
        return again;
      });
      const bool smooth = kind == Activation::kGelu || kind == Activation::kSilu;
      const Floats& kept = smooth ? x : y;
      Floats dx = Zeros(count), dx_in_place = dy;
      ops.ActivationBackward(kind, count, kept.data(), dy.data(), dx.data());
      reference.ActivationBackward(kind, count, kept.data(), dy.data(), expected.data());
      CHECK(Distance(dx, expected) < 3e-6);
      ops.ActivationBackward(kind, count, kept.data(), dx_in_place.data(), dx_in_place.data());
      CHECK(SameBits(dx_in_place, dx));
    }
  }
}

TEST_CASE("gelu and silu and their slopes are 0 or the identity far away, never NaN") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const Floats x = {-1e30f, -1e10f, -150.0f, 150.0f, 1e10f, 1e30f}, one(6, 1.0f);
  for (const Activation kind : {Activation::kGelu, Activation::kSilu}) {
    Floats y(6), slope(6);
    ops.ActivationForward(kind, 6, x.data(), y.data());
    ops.ActivationBackward(kind, 6, x.data(), one.data(), slope.data());
    CHECK(y == Floats{0, 0, 0, 150.0f, 1e10f, 1e30f});
    CHECK(Distance(slope, {0, 0, 0, 1, 1, 1}) < 1e-30);
  }
}

TEST_CASE("a NaN goes through every activation as NaN") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const Activation kind : {Activation::kRelu, Activation::kTanh, Activation::kSigmoid,
                                Activation::kGelu, Activation::kSilu}) {
    Floats x(20, std::numeric_limits<float>::quiet_NaN());
    ops.ActivationForward(kind, 20, x.data(), x.data());
    for (float value : x) CHECK(std::isnan(value));
  }
}

TEST_CASE("a dropout mask equals its definition and does not depend on how rows are cut") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  for (const int64_t columns : {1, 3, 4, 7, 64, 101}) {
    const int64_t rows = 30;
    const DropoutDraw draw = {0x1234567890ABCDEFull, 77, 5, 0.3};
    const Floats x(static_cast<size_t>(rows * columns), 1.0f);
    Floats y = x, expected = x, part = x;
    ops.Dropout(draw, rows, columns, x.data(), y.data());
    reference.Dropout(draw, rows, columns, x.data(), expected.data());
    CHECK(SameBits(y, expected));
    for (int64_t r = 0; r < rows; r += 7) {
      DropoutDraw cut = draw;
      cut.first_row += static_cast<uint64_t>(r);
      float* from = part.data() + r * columns;  // in place
      ops.Dropout(cut, std::min<int64_t>(7, rows - r), columns, from, from);
    }
    CHECK(SameBits(y, part));
  }
}

TEST_CASE("dropout keeps 1 - rate of the values, other ones at each step, and rate 0 keeps all") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const Floats x(100000, 2.0f);
  Floats first(x.size()), second(x.size());
  ops.Dropout({1, 1, 0, 0.25}, 100, 1000, x.data(), first.data());
  ops.Dropout({1, 2, 0, 0.25}, 100, 1000, x.data(), second.data());
  const auto kept = std::count(first.begin(), first.end(), 2.0f * DropoutScale(0.25));
  CHECK(std::abs(static_cast<double>(kept) - 75000) < 6 * std::sqrt(100000 * 0.25 * 0.75));
  CHECK(kept + std::count(first.begin(), first.end(), 0.0f) == 100000);
  CHECK_FALSE(SameBits(first, second));
  ops.Dropout({1, 1, 0, 0.0}, 100, 1000, x.data(), first.data());
  CHECK(SameBits(first, x));
}

TEST_CASE("rounding to bfloat16 takes the nearest, the even one of two, at every width") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  Floats x = {0.0f,        -0.0f,        1.0f,          -2.5f,       0x1.01p0f,
              0x1.03p0f,   -0x1.01p0f,   0x1.010002p0f, 0x1.fep127f, 0x1.fefffep127f,
              0x1.ffp127f, -0x1.ffp127f, 0x1p-149f,     0x1p-134f,   0x1.8p-133f,
              -0x1p-126f,  INFINITY,     -INFINITY,     NAN,         -NAN};
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    const uint32_t bits = static_cast<uint32_t>(random());
    const bool middle = i % 3 == 0;  // of two neighbours
    x.push_back(std::bit_cast<float>(middle ? (bits & 0xFFFF0000u) | 0x8000u : bits));
  }
  const auto count = static_cast<int64_t>(x.size());
  const auto round = [&](const Ops& ops) {
    Results all = {Unset(count), x};
    ops.RoundToBfloat16(count, x.data(), all[0].data());
    ops.RoundToBfloat16(count, all[1].data(), all[1].data());  // in place
    return all;
  };
  const Results rounded = round(ops);
  CHECK(SameBits(rounded[0], rounded[1]));
  CheckSameBitsAgain(tested, rounded, round);
  const Results expected = round(ReferenceOps());
  for (size_t i = 0; i < x.size(); ++i) {
    CAPTURE(i, x[i], rounded[0][i], expected[0][i]);
    if (std::isnan(x[i])) {
      CHECK(std::isnan(rounded[0][i]));
      CHECK((std::bit_cast<uint32_t>(rounded[0][i]) & 0xFFFFu) == 0);
    } else {
      CHECK(std::bit_cast<uint32_t>(rounded[0][i]) == std::bit_cast<uint32_t>(expected[0][i]));
    }
  }
  CHECK(rounded[0][4] == 1.0f);       // half way, down to the even one
  CHECK(rounded[0][5] == 0x1.04p0f);  // half way, up to it
  CHECK(std::isinf(rounded[0][10]));
}

}  // namespace paracord
