// What a job minimises: the sum over samples of a loss of (logits, label), and its gradient.
//
//   softmax_cross_entropy   over the last axis of the output, [.., classes]; what is before it are
//                           positions, each with a label of its own, and a sample's loss is the
//                           mean over them. With class_weights each label's loss counts as often
//                           as its class says; with label_smoothing e a target is 1 - e for the
//                           label and e spread evenly over all classes.
//   binary_cross_entropy    the mean over the outputs; positive_weight counts label 1 as often.
//   mse                     the mean over the outputs.
//
// Means are over numbers that a slice knows: positions, outputs, and in the end samples of the
// batch, never over sums of weights; so slices add up to the batch, and a weight of 2 is a sample
// that is there twice, with the batch's size as it was.
//
// Source of label smoothing: Szegedy et al., "Rethinking the Inception Architecture for Computer
// Vision", CVPR 2016, section 7.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/job/model_spec.h"
#include "worker/tensor/buffer.h"
#include "worker/tensor/device.h"
#include "worker/tensor/ops.h"

namespace paracord {

class Loss {
 public:
  explicit Loss(const ModelSpec& spec)
      : kind_(spec.loss),
        settings_(spec.loss_settings),
        outputs_(ShapeSize(spec.output())),
        label_width_(spec.label_floats()) {}

  // Puts the class weights into the device's memory; once, before Compute. InvalidArgument: not as
  // many as classes.
  absl::Status Place(Device& device);

  // Softmax: labels are classes. Else as many targets as outputs.
  bool has_classes() const { return kind_ == LossKind::kSoftmaxCrossEntropy; }
  int64_t outputs() const { return outputs_; }          // floats of a sample's output
  int64_t label_width() const { return label_width_; }  // floats of its label
  int64_t positions() const { return has_classes() ? label_width_ : 1; }
  int64_t classes() const { return outputs_ / positions(); }

  // labels [rows, label_width]. InvalidArgument: one is out of range; names its row and value.
  absl::Status CheckLabels(const Ops& ops, int64_t rows, const float* labels) const;
  // The sum over the rows; dlogits [rows, outputs] = its gradient. Labels were checked.
  double Compute(const Ops& ops, int64_t rows, const float* logits, const float* labels,
                 float* dlogits) const;

 private:
  LossKind kind_;
  LossSettings settings_;
  int64_t outputs_;
  int64_t label_width_;
  Buffer class_weights_;  // null data: all are 1
};

}  // namespace paracord
