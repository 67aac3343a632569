// What a job minimises: the sum over rows of a loss of (logits, label), and its gradient.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/job/model_spec.h"
#include "worker/tensor/ops.h"

namespace paracord {

class Loss {
 public:
  Loss(LossKind kind, int64_t outputs) : kind_(kind), outputs_(outputs) {}

  // Softmax: labels are classes. Else as many targets as outputs.
  bool has_classes() const { return kind_ == LossKind::kSoftmaxCrossEntropy; }
  int64_t outputs() const { return outputs_; }
  int64_t label_width() const { return has_classes() ? 1 : outputs_; }

  // labels [rows, label_width]. InvalidArgument: one is out of range; names its row and value.
  absl::Status CheckLabels(const Ops& ops, int64_t rows, const float* labels) const;
  // The sum over the rows; dlogits [rows, outputs] = its gradient. Labels were checked.
  double Compute(const Ops& ops, int64_t rows, const float* logits, const float* labels,
                 float* dlogits) const;

 private:
  LossKind kind_;
  int64_t outputs_;
};

}  // namespace paracord
