#include "worker/model/dropout.h"

#include "common/base/philox.h"

namespace paracord {

void Dropout::Forward(const ForwardCall& call) const {
  Apply(call.ops, call.context, call.rows, call.input, call.output);
}

void Dropout::Backward(const BackwardCall& call) const {
  Apply(call.ops, call.context, call.rows, call.output_gradient, call.input_gradient);
}

void Dropout::Apply(const Ops& ops, const PassContext& context, int64_t rows, const float* from,
                    float* to) const {
  if (!context.training || spec().rate == 0) {
    if (from != to) ops.Copy(rows * outputs(), from, to);
    return;
  }
  const DropoutDraw draw = {MixKey(context.seed, spec().place), context.step, context.first_row,
                            spec().rate};
  ops.Dropout(draw, rows, outputs(), from, to);
}

}  // namespace paracord
