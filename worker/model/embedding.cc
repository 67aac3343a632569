#include "worker/model/embedding.h"

#include "absl/strings/str_cat.h"

namespace paracord {

absl::Status Embedding::CheckInput(const Ops& ops, int64_t rows, const float* input) const {
  const auto last = static_cast<float>(spec().vocabulary - 1);
  const int64_t bad = ops.FirstBadLabel({0, last, true}, rows * inputs(), input);
  if (bad < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("value ", bad % inputs(), " of row ",
                                                 bad / inputs(), " is ", ops.Read(input + bad),
                                                 "; expected an id from 0 to ", last));
}

void Embedding::Forward(const ForwardCall& call) const {
  call.ops.EmbeddingForward(call.rows * inputs(), spec().units, call.input, call.tensors[0],
                            call.output);
}

void Embedding::Backward(const BackwardCall& call) const {
  call.ops.EmbeddingBackward(call.rows * inputs(), spec().vocabulary, spec().units, call.input,
                             call.output_gradient, call.gradients[0]);
}

}  // namespace paracord
