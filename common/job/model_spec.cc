#include "common/job/model_spec.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {

std::string ShapeString(const Shape& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

int64_t ShapeSize(const Shape& shape) {
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  return size;
}

const char* Name(LayerKind kind) {
  switch (kind) {
    case LayerKind::kLinear:
      return "linear";
    case LayerKind::kConv2d:
      return "conv2d";
    case LayerKind::kMaxPool:
      return "max_pool";
    case LayerKind::kAvgPool:
      return "avg_pool";
    case LayerKind::kGlobalAvgPool:
      return "global_avg_pool";
    case LayerKind::kBatchNorm:
      return "batch_norm";
    case LayerKind::kGroupNorm:
      return "group_norm";
    case LayerKind::kLayerNorm:
      return "layer_norm";
    case LayerKind::kRmsNorm:
      return "rms_norm";
    case LayerKind::kEmbedding:
      return "embedding";
    case LayerKind::kPositions:
      return "positions";
    case LayerKind::kAttention:
      return "attention";
    case LayerKind::kRotary:
      return "rotary";
    case LayerKind::kRelu:
      return "relu";
    case LayerKind::kTanh:
      return "tanh";
    case LayerKind::kSigmoid:
      return "sigmoid";
    case LayerKind::kGelu:
      return "gelu";
    case LayerKind::kSilu:
      return "silu";
    case LayerKind::kSwiglu:
      return "swiglu";
    case LayerKind::kDropout:
      return "dropout";
    case LayerKind::kFlatten:
      return "flatten";
    case LayerKind::kTranspose:
      return "transpose";
    case LayerKind::kColumns:
      return "columns";
    case LayerKind::kAdd:
      return "add";
    case LayerKind::kConcat:
      return "concat";
  }
  return "";
}

const char* Name(LossKind kind) {
  switch (kind) {
    case LossKind::kSoftmaxCrossEntropy:
      return "softmax_cross_entropy";
    case LossKind::kMeanSquaredError:
      return "mse";
    case LossKind::kBinaryCrossEntropy:
      return "binary_cross_entropy";
  }
  return "";
}

const char* Name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kAccuracy:
      return "accuracy";
    case MetricKind::kTop5:
      return "top_5";
    case MetricKind::kLogLoss:
      return "log_loss";
    case MetricKind::kPerplexity:
      return "perplexity";
    case MetricKind::kBitsPerByte:
      return "bits_per_byte";
    case MetricKind::kAuc:
      return "auc";
    case MetricKind::kRmse:
      return "rmse";
  }
  return "";
}

uint32_t SumFloats(MetricKind kind) { return kind == MetricKind::kAuc ? 2 * kScoreBins : 1; }

uint32_t SumFloats(const std::vector<MetricKind>& kinds) {
  uint32_t floats = 0;
  for (const MetricKind kind : kinds) floats += SumFloats(kind);
  return floats;
}

int64_t ModelSpec::label_floats() const {
  Shape labels = output();
  if (loss == LossKind::kSoftmaxCrossEntropy && !labels.empty()) labels.pop_back();
  return ShapeSize(labels);
}

int64_t ModelSpec::parameters() const {
  int64_t floats = 0;
  for (const TensorSpec& tensor : tensors) {
    if (tensor.kind == TensorKind::kTrained) floats += tensor.size();
  }
  return floats;
}

}  // namespace paracord
