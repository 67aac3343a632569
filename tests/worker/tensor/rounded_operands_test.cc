// Layers of models in bfloat16: operands that RoundOperand made, in whatever form.
#include <catch2/catch.hpp>

#include "tests/worker/tensor/tested_ops.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

Floats Operand(const Ops& ops, const Floats& x) {
  Floats y = Unset(static_cast<int64_t>(x.size()));
  ops.RoundOperand(static_cast<int64_t>(x.size()), x.data(), y.data());
  return y;
}

// y, dx, dweight.
Results Linear(const Ops& ops, const LinearShape& s, const Results& t) {
  const Floats x = Operand(ops, t[0]), weight = Operand(ops, t[1]), dy = Operand(ops, t[2]);
  Results all = {Unset(s.rows * s.outputs), Unset(s.rows * s.inputs), Unset(s.outputs * s.inputs)};
  Floats scratch = Unset(ops.LinearScratch(s));
  ops.LinearForward(s, x.data(), weight.data(), t[3].data(), all[0].data(), scratch.data());
  ops.LinearInputGradient(s, dy.data(), weight.data(), all[1].data());
  ops.LinearWeightGradient(s, dy.data(), x.data(), all[2].data());
  return all;
}

Results Conv(const Ops& ops, const ConvShape& s, const Results& t) {
  const Floats x = Operand(ops, t[0]), weight = Operand(ops, t[1]), dy = Operand(ops, t[2]);
  Results all = {Unset(s.rows * s.output()), Unset(s.rows * s.input()), Unset(s.weight())};
  Floats scratch = Unset(ops.ConvScratch(s));
  ops.ConvForward(s, x.data(), weight.data(), t[3].data(), all[0].data(), scratch.data());
  ops.ConvInputGradient(s, dy.data(), weight.data(), all[1].data(), scratch.data());
  ops.ConvWeightGradient(s, dy.data(), x.data(), all[2].data(), scratch.data());
  return all;
}

}  // namespace

TEST_CASE("linear layers of rounded operands equal the plain loops over rounded floats") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  for (LinearShape s : {LinearShape{1, 1, 1}, {3, 5, 7}, {33, 130, 17}, {64, 64, 64}}) {
    CAPTURE(s.rows, s.inputs, s.outputs);
    s.bfloat16 = true;
    const Results t = {RandomFloats(1, s.rows * s.inputs, 1.0f),
                       RandomFloats(2, s.outputs * s.inputs, 1.0f),
                       RandomFloats(3, s.rows * s.outputs, 1.0f), RandomFloats(4, s.outputs, 1.0f)};
    const Results actual = Linear(*tested.ops, s, t);
    CheckClose(actual, Linear(ReferenceOps(), s, t), 1e-5);
    CheckSameBitsAgain(tested, actual, [&](const Ops& ops) { return Linear(ops, s, t); });
  }
}

TEST_CASE("convolutions of rounded operands equal the plain loops over rounded floats") {
  const TestedOps tested = GENERATE(from_range(AllTestedOps()));
  CAPTURE(tested.name);
  for (ConvShape s : {ConvShape{2, 3, 9, 7, 5, 3, 3, 1, 1, 1},
                      {3, 16, 8, 8, 32, 3, 3, 2, 1, 1},
                      {2, 6, 5, 5, 12, 3, 3, 1, 1, 3},
                      {2, 12, 5, 7, 10, 1, 1, 1, 0, 2}}) {
    CAPTURE(s.in_channels, s.out_channels, s.groups);
    s.bfloat16 = true;
    const Results t = {RandomFloats(1, s.rows * s.input(), 1.0f), RandomFloats(2, s.weight(), 1.0f),
                       RandomFloats(3, s.rows * s.output(), 1.0f),
                       RandomFloats(4, s.out_channels, 1.0f)};
    const Results actual = Conv(*tested.ops, s, t);
    CheckClose(actual, Conv(ReferenceOps(), s, t), 1e-5);
    CheckSameBitsAgain(tested, actual, [&](const Ops& ops) { return Conv(ops, s, t); });
  }
}

}  // namespace paracord
