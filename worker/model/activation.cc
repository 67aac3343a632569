#include "worker/model/activation.h"

namespace paracord {

void ActivationLayer::Forward(const ForwardCall& call) const {
  call.ops.ActivationForward(kind_, call.rows * outputs(), call.input, call.output);
}

void ActivationLayer::Backward(const BackwardCall& call) const {
  call.ops.ActivationBackward(kind_, call.rows * outputs(),
                              reads_input() ? call.input : call.output, call.output_gradient,
                              call.input_gradient);
}

}  // namespace paracord
