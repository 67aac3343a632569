#include <array>
#include <catch2/catch.hpp>

#include "tests/worker/tensor/ops_check.h"
#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/reference_ops.h"
#include "worker/tensor/rotary_table.h"

namespace paracord {
namespace {

// rows, length, heads, kv_heads, head_width, causal
const AttentionShape kShapes[] = {{2, 128, 4, 4, 32, true}, {2, 1, 1, 1, 2, true},
                                  {3, 5, 2, 1, 3, false},   {2, 70, 6, 2, 8, true},
                                  {2, 65, 4, 1, 16, false}, {1, 200, 2, 2, 64, true},
                                  {1, 64, 3, 3, 1, true},   {2, 17, 8, 4, 20, true},
                                  {1, 70, 2, 1, 130, true}, {2, 129, 2, 2, 66, false}};

AttentionShape RandomShape(uint64_t seed) {
  Draw draw(seed);
  const int64_t kv_heads = draw(1, 3);
  return {draw(1, 3), draw(1, 150), kv_heads * draw(1, 3), kv_heads, draw(1, 40), draw(0, 1) == 1};
}

struct Tensors {
  explicit Tensors(const AttentionShape& s)
      : qkv(RandomFloats(1, s.rows * s.length * s.packed(), 2.0f)),
        dy(RandomFloats(2, s.rows * s.length * s.width(), 1.0f)) {}
  Floats qkv, dy;
};

// y, dqkv, what is kept.
Results Attend(const Ops& ops, const AttentionShape& s, const Tensors& t) {
  Results all = {Unset(s.rows * s.length * s.width()), Unset(s.rows * s.length * s.packed()),
                 Unset(ops.AttentionKept(s))};
  Floats scratch = Unset(ops.AttentionScratch(s));
  ops.AttentionForward(s, t.qkv.data(), all[0].data(), all[2].data(), scratch.data());
  ops.AttentionBackward(s, t.qkv.data(), all[2].data(), t.dy.data(), all[1].data(), scratch.data());
  return all;
}

void CheckShape(const TestedOps& tested, const AttentionShape& s) {
  const Ops& ops = *tested.ops;
  CAPTURE(s.rows, s.length, s.heads, s.kv_heads, s.head_width, s.causal);
  const Tensors t(s);
  const Results actual = Attend(ops, s, t);
  Results expected = Attend(ReferenceOps(), s, t);
  if (tested.name != "CPU") expected[2] = actual[2];  // what is kept is a device's own
  CheckClose(actual, expected, 1e-5);
  CheckSameBitsAgain(tested, actual, [&](const Ops& twin) { return Attend(twin, s, t); });
  AttentionShape one = s;
  one.rows = 1;
  for (int64_t r = 0; r < s.rows; ++r) {
    Tensors part = t;
    part.qkv = Part(t.qkv, r * s.length * s.packed(), s.length * s.packed());
    part.dy = Part(t.dy, r * s.length * s.width(), s.length * s.width());
    const Results row = Attend(ops, one, part);
    for (size_t i = 0; i < row.size(); ++i) {
      const auto count = static_cast<int64_t>(row[i].size());
      CHECK(SameBits(row[i], Part(actual[i], r * count, count)));
    }
  }
}

}  // namespace

TEST_CASE("attention equals the plain loops, again and at every width, and rows are alone") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  for (const AttentionShape& shape : kShapes) CheckShape(tested, shape);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    CheckShape(tested, RandomShape(seed));
  }
}

TEST_CASE("the gradient of attention equals finite differences") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  for (const bool causal : {false, true}) {
    const AttentionShape s = {2, 5, 4, 2, 3, causal};
    const Tensors t(s);
    CheckSlopes(t.qkv, t.dy, Attend(ops, s, t)[1], 3, [&](const Floats& qkv) {
      Tensors moved = t;
      moved.qkv = qkv;
      return Attend(ReferenceOps(), s, moved)[0];
    });
  }
}

TEST_CASE("under a causal mask no later token changes an earlier one's output") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const AttentionShape s = {1, 100, 2, 2, 8, true};
  const Tensors t(s);
  const Floats y = Attend(ops, s, t)[0];
  Tensors changed = t;
  const int64_t seen = 40;
  std::fill(changed.qkv.begin() + seen * s.packed(), changed.qkv.end(), 1e3f);
  const Floats other = Attend(ops, s, changed)[0];
  CHECK(SameBits(Part(y, 0, seen * s.width()), Part(other, 0, seen * s.width())));
  CHECK_FALSE(SameBits(y, other));
}

TEST_CASE("attention over scores far apart equals the plain loops, and a NaN shows in the output") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const AttentionShape s = {1, 90, 2, 1, 16, true};
  Tensors t(s);
  for (float& value : t.qkv) value *= 100;
  CHECK(Distance(Attend(*tested.ops, s, t)[0], Attend(ReferenceOps(), s, t)[0]) < 1e-4);
  t.qkv[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(Attend(*tested.ops, s, t)[0][0]));
}

TEST_CASE("probabilities add up to one, also of scores far apart, and a NaN shows in the output") {
  const AttentionShape s = {1, 90, 2, 1, 16, true};
  Tensors t(s);
  for (float& value : t.qkv) value *= 100;
  const Floats p = Attend(CpuOps(), s, t)[2];
  for (int64_t i = 0; i < s.heads * s.length; ++i) {
    double sum = 0;
    for (int64_t k = 0; k < s.length; ++k) {
      const float value = p[static_cast<size_t>(i * s.length + k)];
      CHECK(((value >= 0 && value <= 1) && (k <= i % s.length || value == 0)));
      sum += value;
    }
    CHECK(sum == Approx(1).epsilon(1e-5));
  }
  t.qkv[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(Attend(CpuOps(), s, t)[0][0]));
}

TEST_CASE("an embedding gathers rows of its table, and adds gradients to them in order") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const int64_t count = 100, vocabulary = 13, width = 19;
  const Floats table = RandomFloats(1, vocabulary * width, 1.0f);
  const Floats dy = RandomFloats(2, count * width, 1.0f);
  Floats ids = Zeros(count);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<float>(i * 7 % 12);  // 12 is not used
  Floats y = Unset(count * width), dtable = Unset(vocabulary * width), expected = y, sums = dtable;
  ops.EmbeddingForward(count, width, ids.data(), table.data(), y.data());
  ReferenceOps().EmbeddingForward(count, width, ids.data(), table.data(), expected.data());
  CHECK(SameBits(y, expected));
  ops.EmbeddingBackward(count, vocabulary, width, ids.data(), dy.data(), dtable.data());
  ReferenceOps().EmbeddingBackward(count, vocabulary, width, ids.data(), dy.data(), sums.data());
  CHECK(Distance(dtable, sums) < 1e-6);
  CHECK(SameBits(Part(dtable, 12 * width, width), Zeros(width)));
  ops.EmbeddingBackward(0, vocabulary, width, nullptr, nullptr, dtable.data());
  CHECK(SameBits(dtable, Zeros(vocabulary * width)));
}

TEST_CASE("rotary positions turn each pair by its angle, leave the rest alone, and turn back") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const RotaryShape s = {2, 9, 3, 10, 47};
  const Floats x = RandomFloats(1, s.rows * s.length * s.stride, 1.0f);
  Floats table = Unset(s.length * s.head_width), y = x, expected = x;
  FillRotaryTable(s.length, s.head_width, 10000, table.data());
  ops.Rotate(s, table.data(), false, y.data());
  ReferenceOps().Rotate(s, table.data(), false, expected.data());
  CHECK(Distance(y, expected) < 2e-7);
  CHECK_FALSE(SameBits(y, x));
  for (int64_t token = 0; token < s.rows * s.length; ++token) {
    const int64_t rest = token * s.stride + s.heads * s.head_width;
    CHECK(SameBits(Part(y, rest, 17), Part(x, rest, 17)));
  }
  CHECK(SameBits(Part(y, 0, s.stride), Part(x, 0, s.stride)));  // position 0
  CheckSameBitsAgain(tested, {y}, [&](const Ops& ops) {
    Floats turned = x;
    ops.Rotate(s, table.data(), false, turned.data());
    return Results{turned};
  });
  ops.Rotate(s, table.data(), true, y.data());
  CHECK(Distance(y, x) < 5e-7);
}

TEST_CASE("swiglu equals the plain function and its gradient finite differences, in place too") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const int64_t rows = 3, columns = 21;
  const Floats x = RandomFloats(1, rows * 2 * columns, 6.0f);
  const Floats dy = RandomFloats(2, rows * columns, 1.0f);
  const auto forward = [&](const Ops& ops, const Floats& from) {
    Floats y = Unset(rows * columns);
    ops.SwigluForward(rows, columns, from.data(), y.data());
    return y;
  };
  CHECK(Distance(forward(ops, x), forward(ReferenceOps(), x)) < 1e-6);
  CheckSameBitsAgain(tested, {forward(ops, x)},
                     [&](const Ops& ops) { return Results{forward(ops, x)}; });
  Floats dx = Unset(rows * 2 * columns), expected = dx, in_place = x;
  ops.SwigluBackward(rows, columns, x.data(), dy.data(), dx.data());
  ReferenceOps().SwigluBackward(rows, columns, x.data(), dy.data(), expected.data());
  CHECK(Distance(dx, expected) < 1e-6);
  ops.SwigluBackward(rows, columns, in_place.data(), dy.data(), in_place.data());
  CHECK(SameBits(in_place, dx));
  CheckSlopes(x, dy, dx, 2, [&](const Floats& moved) { return forward(ReferenceOps(), moved); });
}

TEST_CASE("sums, copies and turned matrices equal the plain loops") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  const Ops& ops = *tested.ops;
  const ReferenceOps reference;
  for (const auto& [rows, height, width] :
       {std::array<int64_t, 3>{1, 1, 1}, {2, 3, 50}, {3, 64, 196}, {0, 4, 4}, {2, 17, 16}}) {
    const int64_t count = rows * height * width;
    const Floats x = RandomFloats(1, count, 1.0f), y = RandomFloats(2, count, 1.0f);
    const Floats row = RandomFloats(3, width, 1.0f);
    Floats actual = Unset(count), expected = Unset(count);
    ops.Transpose(rows, height, width, x.data(), actual.data());
    reference.Transpose(rows, height, width, x.data(), expected.data());
    CHECK(SameBits(actual, expected));
    ops.Add(count, x.data(), y.data(), actual.data());
    reference.Add(count, x.data(), y.data(), expected.data());
    CHECK(SameBits(actual, expected));
    Floats first = x, second = y;
    ops.Add(count, first.data(), y.data(), first.data());
    ops.Add(count, x.data(), second.data(), second.data());
    CHECK(SameBits(first, expected));
    CHECK(SameBits(second, expected));
    ops.AddToRows(rows * height, width, x.data(), row.data(), actual.data());
    reference.AddToRows(rows * height, width, x.data(), row.data(), expected.data());
    CHECK(SameBits(actual, expected));
    Floats wide = Zeros(rows * height * (width + 3) + 2), wide_expected = wide;
    ops.CopyRows(rows * height, width - 1, x.data(), width, wide.data() + 2, width + 3);
    reference.CopyRows(rows * height, width - 1, x.data(), width, wide_expected.data() + 2,
                       width + 3);
    CHECK(SameBits(wide, wide_expected));
  }
}

}  // namespace paracord
