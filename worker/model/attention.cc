#include "worker/model/attention.h"

#include <vector>

#include "common/base/status.h"
#include "worker/tensor/rotary_table.h"

namespace paracord {
namespace {

constexpr double kRotaryBase = 10000;

}  // namespace

AttentionShape Attention::ShapeOf(int64_t rows) const {
  return {.rows = rows,
          .length = spec().input[0],
          .heads = spec().heads,
          .kv_heads = spec().kv_heads,
          .head_width = spec().output[1] / spec().heads,
          .causal = spec().causal};
}

int64_t Attention::KeptFloats(const Ops& ops, int64_t rows) const {
  return ops.AttentionKept(ShapeOf(rows));
}

int64_t Attention::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ops.AttentionScratch(ShapeOf(rows));
}

void Attention::Forward(const ForwardCall& call) const {
  call.ops.AttentionForward(ShapeOf(call.rows), call.input, call.output, call.kept, call.scratch);
}

void Attention::Backward(const BackwardCall& call) const {
  if (call.input_gradient == nullptr) return;
  call.ops.AttentionBackward(ShapeOf(call.rows), call.input, call.kept, call.output_gradient,
                             call.input_gradient, call.scratch);
}

absl::Status Rotary::Prepare(Device& device) {
  const int64_t length = spec().input[0];
  std::vector<float> table(static_cast<size_t>(length * head_width()));
  FillRotaryTable(length, head_width(), kRotaryBase, table.data());
  ASSIGN_OR_RETURN(table_, device.Allocate(length * head_width()));
  return device.CopyIn(table.data(), length * head_width(), table_.data());
}

void Rotary::Forward(const ForwardCall& call) const {
  Turn(call.ops, call.rows, false, call.input, call.output);
}

void Rotary::Backward(const BackwardCall& call) const {
  Turn(call.ops, call.rows, true, call.output_gradient, call.input_gradient);
}

// Queries, then keys, stand side by side in a token; the values behind them stay.
void Rotary::Turn(const Ops& ops, int64_t rows, bool back, const float* from, float* to) const {
  if (from != to) ops.Copy(rows * outputs(), from, to);
  ops.Rotate({.rows = rows,
              .length = spec().input[0],
              .heads = spec().heads + spec().kv_heads,
              .head_width = head_width(),
              .stride = spec().input[1]},
             table_.data(), back, to);
}

}  // namespace paracord
