#include "worker/model/loss.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

// Targets of a squared error: any number, but a number.
constexpr float kLargest = std::numeric_limits<float>::max();

LabelRange RangeOf(LossKind kind, int64_t outputs) {
  switch (kind) {
    case LossKind::kSoftmaxCrossEntropy:
      return {0.0f, static_cast<float>(outputs - 1), true};
    case LossKind::kBinaryCrossEntropy:
      return {0.0f, 1.0f, false};
    case LossKind::kMeanSquaredError:
      break;
  }
  return {-kLargest, kLargest, false};
}

}  // namespace

absl::Status Loss::CheckLabels(const Ops& ops, int64_t rows, const float* labels) const {
  const LabelRange range = RangeOf(kind_, outputs_);
  const int64_t bad = ops.FirstBadLabel(range, rows * label_width(), labels);
  if (bad < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "label of row ", bad / label_width(), " is ", ops.Read(labels + bad), "; expected ",
      range.whole ? "a class" : "a number", " from ", range.least, " to ", range.most));
}

double Loss::Compute(const Ops& ops, int64_t rows, const float* logits, const float* labels,
                     float* dlogits) const {
  switch (kind_) {
    case LossKind::kSoftmaxCrossEntropy:
      return ops.SoftmaxCrossEntropy(rows, outputs_, logits, labels, 1.0f, dlogits);
    case LossKind::kMeanSquaredError:
      return ops.MeanSquaredError(rows, outputs_, logits, labels, 1.0f, dlogits);
    case LossKind::kBinaryCrossEntropy:
      return ops.BinaryCrossEntropy(rows, outputs_, logits, labels, 1.0f, dlogits);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace paracord
