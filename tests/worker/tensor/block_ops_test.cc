// What holds of operations by kernels beyond what every kind of operations promises.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/reference_ops.h"
#include "worker/tensor/rotary_table.h"

namespace paracord {
namespace {

struct Case {
  std::string name;
  // Reads x and other, which have at least 4 * 33 * 12 values; returns what it computes.
  std::function<Floats(const Ops&, const float* x, const float* other)> compute;
};

constexpr int64_t kRows = 33, kMost = 12;

// What every device computes value by value, at this number of columns.
std::vector<Case> ElementCases(int64_t columns) {
  const int64_t count = kRows * columns;
  std::vector<Case> cases;
  for (const Activation kind : {Activation::kRelu, Activation::kTanh, Activation::kSigmoid,
                                Activation::kGelu, Activation::kSilu}) {
    cases.push_back({"activation", [=](const Ops& ops, const float* x, const float*) {
                       Floats y = Unset(count);
                       ops.ActivationForward(kind, count, x, y.data());
                       return y;
                     }});
    cases.push_back({"activation back", [=](const Ops& ops, const float* x, const float* other) {
                       Floats dx = Unset(count);
                       ops.ActivationBackward(kind, count, x, other, dx.data());
                       return dx;
                     }});
  }
  cases.push_back({"dropout", [=](const Ops& ops, const float* x, const float*) {
                     Floats y = Unset(count);
                     ops.Dropout({123, 4, 5, 0.3}, kRows, columns, x, y.data());
                     return y;
                   }});
  cases.push_back({"round", [=](const Ops& ops, const float* x, const float*) {
                     Floats y = Unset(count);
                     ops.RoundToBfloat16(count, x, y.data());
                     return y;
                   }});
  cases.push_back({"copy, scale, clear", [=](const Ops& ops, const float* x, const float*) {
                     Floats y = Unset(count);
                     ops.Copy(count, x, y.data());
                     ops.Scale(count - count / 3, 0.3f, y.data() + count / 3);
                     ops.Clear(count / 5, y.data() + 1);
                     y.push_back(ops.Read(x + 2));
                     return y;
                   }});
  cases.push_back({"add to rows", [=](const Ops& ops, const float* x, const float* other) {
                     Floats y = Unset(count);
                     ops.AddToRows(kRows, columns, x, other, y.data());
                     return y;
                   }});
  cases.push_back({"copy rows", [=](const Ops& ops, const float* x, const float*) {
                     Floats y = Unset(kRows * (columns + 4));
                     ops.CopyRows(kRows, columns, x, 2 * columns, y.data() + 1, columns + 4);
                     return y;
                   }});
  cases.push_back({"swiglu", [=](const Ops& ops, const float* x, const float* other) {
                     Floats y = Unset(count), dx = Unset(2 * count);
                     ops.SwigluForward(kRows, columns, x, y.data());
                     ops.SwigluBackward(kRows, columns, x, other, dx.data());
                     y.insert(y.end(), dx.begin(), dx.end());
                     return y;
                   }});
  return cases;
}

// Copied to `shift` floats after a multiple of 64 bytes.
class Shifted {
 public:
  Shifted(const Floats& from, size_t shift) : floats_(from.size() + 32) {
    const auto place = reinterpret_cast<uintptr_t>(floats_.data()) / sizeof(float) % 16;
    at_ = floats_.data() + (16 - place) % 16 + shift;
    std::copy(from.begin(), from.end(), at_);
  }
  const float* at() const { return at_; }

 private:
  Floats floats_;
  float* at_;
};

}  // namespace

TEST_CASE("what goes value by value has the CPU's bits, wherever values lie in memory") {
  const auto kernels = MakeHostOps(HostOrder::kForward);
  const Floats x = RandomFloats(1, 4 * kRows * kMost, 8.0f);
  const Floats other = RandomFloats(2, 4 * kRows * kMost, 3.0f);
  for (const int64_t columns : {1, 2, 3, 4, 5, 8, 11, 12}) {
    for (const Case& c : ElementCases(columns)) {
      const Floats expected = c.compute(CpuOps(), x.data(), other.data());
      for (const size_t shift : {0, 1, 2, 3}) {
        CAPTURE(c.name, columns, shift);
        const Shifted moved(x, shift), also(other, shift * 3 % 4);
        CHECK(SameBits(expected, c.compute(*kernels, moved.at(), also.at())));
      }
    }
  }
}

TEST_CASE("an embedding's gradient has the CPU's bits at any number of digits of an id") {
  const auto kernels = MakeHostOps(HostOrder::kShuffled);
  for (const auto& [count, vocabulary] :
       {std::pair<int64_t, int64_t>{1, 1}, {300, 1}, {256, 256}, {257, 257}, {3000, 70000}}) {
    const int64_t width = 3;
    CAPTURE(count, vocabulary);
    const Floats dy = RandomFloats(3, count * width, 1.0f);
    Floats ids = Zeros(count);
    Draw draw(4);
    for (float& id : ids) {  // many are the same
      id = static_cast<float>(draw(0, 2) == 0 ? vocabulary / 2 : draw(0, vocabulary - 1));
    }
    Floats actual = Unset(vocabulary * width), expected = actual;
    CpuOps().EmbeddingBackward(count, vocabulary, width, ids.data(), dy.data(), expected.data());
    kernels->EmbeddingBackward(count, vocabulary, width, ids.data(), dy.data(), actual.data());
    CHECK(SameBits(actual, expected));
  }
}

TEST_CASE("positions are turned with the CPU's bits") {
  const RotaryShape s = {2, 9, 3, 10, 47};
  Floats table = Unset(s.length * s.head_width);
  FillRotaryTable(s.length, s.head_width, 10000, table.data());
  for (const bool back : {false, true}) {
    Floats actual = RandomFloats(5, s.rows * s.length * s.stride, 1.0f), expected = actual;
    CpuOps().Rotate(s, table.data(), back, expected.data());
    MakeHostOps(HostOrder::kForward)->Rotate(s, table.data(), back, actual.data());
    CHECK(SameBits(actual, expected));
  }
}

TEST_CASE("a bias gradient of many rows is the plain sum, strided too") {
  for (const TestedOps& tested : AllTestedOps()) {
    for (const int64_t rows : {1, 31, 33, 4100}) {
      const LinearShape shape = {rows, 1, 37, 41};
      CAPTURE(tested.name, rows);
      const Floats dy = RandomFloats(6, rows * shape.stride, 1.0f);
      Results sums = {Unset(shape.outputs)}, expected = sums;
      tested.ops->BiasGradient(shape, dy.data(), sums[0].data());
      ReferenceOps().BiasGradient(shape, dy.data(), expected[0].data());
      CheckClose(sums, expected, 1e-5);
      CheckSameBitsAgain(tested, sums, [&](const Ops& ops) {
        Results again = {Unset(shape.outputs)};
        ops.BiasGradient(shape, dy.data(), again[0].data());
        return again;
      });
    }
    const Floats zeros(3, -0.0f);
    Floats bias(3, 1.0f);
    tested.ops->BiasGradient({1, 5, 3}, zeros.data(), bias.data());
    CHECK(SameBits(bias, zeros));
    tested.ops->BiasGradient({0, 5, 3}, nullptr, bias.data());
    CHECK(SameBits(bias, Zeros(3)));
  }
}

}  // namespace paracord
