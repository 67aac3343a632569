#include "worker/model/metric.h"

#include <limits>

namespace paracord {

double MetricSum(MetricKind kind, const Loss& loss, const Ops& ops, int64_t rows,
                 const float* logits, const float* labels) {
  switch (kind) {
    case MetricKind::kAccuracy:
      return loss.has_classes() ? ops.ClassHits(rows, loss.outputs(), logits, labels)
                                : ops.SignHits(rows, loss.outputs(), logits, labels);
    case MetricKind::kRmse:
      if (!loss.has_classes()) return ops.SquaredError(rows, loss.outputs(), logits, labels);
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace paracord
