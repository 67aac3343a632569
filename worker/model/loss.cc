#include "worker/model/loss.h"

#include <limits>
#include <vector>

#include "common/base/status.h"

namespace paracord {
namespace {

// Targets of a squared error: any number, but a number.
constexpr float kLargest = std::numeric_limits<float>::max();

LabelRange RangeOf(LossKind kind, int64_t classes) {
  switch (kind) {
    case LossKind::kSoftmaxCrossEntropy:
      return {0.0f, static_cast<float>(classes - 1), true};
    case LossKind::kBinaryCrossEntropy:
      return {0.0f, 1.0f, false};
    case LossKind::kMeanSquaredError:
      break;
  }
  return {-kLargest, kLargest, false};
}

}  // namespace

absl::Status Loss::Place(Device& device) {
  const std::vector<float> weights(settings_.class_weights.begin(), settings_.class_weights.end());
  if (weights.empty()) return absl::OkStatus();
  const auto count = static_cast<int64_t>(weights.size());
  if (!has_classes() || count != classes()) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", count, " class weights; expected ", has_classes() ? classes() : 0));
  }
  ASSIGN_OR_RETURN(class_weights_, device.Allocate(count));
  return device.CopyIn(weights.data(), count, class_weights_.data());
}

absl::Status Loss::CheckLabels(const Ops& ops, int64_t rows, const float* labels) const {
  const LabelRange range = RangeOf(kind_, classes());
  const int64_t bad = ops.FirstBadLabel(range, rows * label_width(), labels);
  if (bad < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "label of row ", bad / label_width(), " is ", ops.Read(labels + bad), "; expected ",
      range.whole ? "a class" : "a number", " from ", range.least, " to ", range.most));
}

double Loss::Compute(const Ops& ops, int64_t rows, const float* logits, const float* labels,
                     float* dlogits) const {
  switch (kind_) {
    case LossKind::kSoftmaxCrossEntropy: {
      const SoftmaxTarget target{static_cast<float>(settings_.label_smoothing),
                                 class_weights_.data()};
      const auto positions = static_cast<double>(this->positions());
      return ops.SoftmaxCrossEntropy(rows * this->positions(), classes(), logits, labels, target,
                                     static_cast<float>(1 / positions), dlogits) /
             positions;
    }
    case LossKind::kMeanSquaredError:
      return ops.MeanSquaredError(rows, outputs_, logits, labels, 1.0f, dlogits);
    case LossKind::kBinaryCrossEntropy:
      return ops.BinaryCrossEntropy(rows, outputs_, logits, labels,
                                    static_cast<float>(settings_.positive_weight), 1.0f, dlogits);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace paracord
