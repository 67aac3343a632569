// A model as a job file describes it, checked and with every shape known: what the server needs to
// lay out blocks, what the worker builds layers from. Pure data; made by ParseModel (parse_model.h)
// from the model section of a job file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paracord {

using Shape = std::vector<int64_t>;  // outermost first; a sample's shape leaves the batch out

std::string ShapeString(const Shape& shape);  // "[784, 10]"
int64_t ShapeSize(const Shape& shape);        // product; 1 for []

// How a tensor's first value is drawn (common/job/initializer).
struct InitializerSpec {
  enum class Kind { kZero, kOne, kUniform };
  Kind kind = Kind::kZero;
  float bound = 0;  // kUniform: values in [-bound, bound)
};

enum class TensorKind {
  // Weights: the sum of the slices' gradients goes through the optimizer.
  kTrained,
  // State that is no gradient: the next value is the sum along the tree itself (slices send
  // value / V).
  kAveraged,
  // No state: version t+1 is the sum of what step t sent (loss and metrics); not part of a
  // checkpoint's weights.
  kSum,
};

struct TensorSpec {
  std::string name;  // "0.weight": layer's place in the list, then what it is
  Shape shape;
  TensorKind kind = TensorKind::kTrained;
  InitializerSpec initializer;

  int64_t size() const { return ShapeSize(shape); }
};

enum class LayerKind { kLinear, kRelu, kTanh, kSigmoid, kGelu, kDropout, kFlatten };
enum class LossKind { kSoftmaxCrossEntropy, kMeanSquaredError, kBinaryCrossEntropy };
enum class MetricKind { kAccuracy, kTop5, kLogLoss, kPerplexity, kBitsPerByte, kAuc, kRmse };

const char* Name(LayerKind kind);   // as in a job file: "linear"
const char* Name(LossKind kind);    // "softmax_cross_entropy"
const char* Name(MetricKind kind);  // "accuracy"

// Scores between 0 and 1 are counted in so many bins, for the AUC.
inline constexpr uint32_t kScoreBins = 2048;

// Floats of the metrics block that a metric's sum over the test set takes: one; the AUC's has
// the scores of label 0 by bin, then those of label 1.
uint32_t SumFloats(MetricKind kind);
uint32_t SumFloats(const std::vector<MetricKind>& kinds);  // of all

// What a loss is told beside its kind; defaults change nothing.
struct LossSettings {
  double label_smoothing = 0;  // softmax: share of a target spread over all classes, [0, 1)
  std::vector<double> class_weights = {};  // softmax: one a class; empty: all are 1
  double positive_weight = 1;              // binary cross-entropy: of label 1
};

struct LayerSpec {
  LayerKind kind = LayerKind::kRelu;
  int64_t units = 0;  // linear: outputs
  bool bias = true;   // linear
  double rate = 0;    // dropout: share of values dropped, [0, 1)
  Shape input;        // of one sample
  Shape output;
  uint32_t place = 0;         // index in the list
  uint32_t first_tensor = 0;  // index of its first tensor in ModelSpec::tensors
  uint32_t tensor_count = 0;  // linear: weight [units, inputs], then bias [units]
};

struct ModelSpec {
  Shape input;  // of one sample
  std::vector<LayerSpec> layers;
  LossKind loss = LossKind::kSoftmaxCrossEntropy;
  LossSettings loss_settings;
  std::vector<TensorSpec> tensors;  // of all layers, in order

  const Shape& output() const { return layers.empty() ? input : layers.back().output; }
  // Of softmax: its classes are the last axis of the output, everything before it is positions.
  int64_t classes() const { return output().empty() ? 1 : output().back(); }
  // Floats of a sample's label: softmax has one a position, other losses one an output.
  int64_t label_floats() const;
  int64_t parameters() const;  // floats of all kTrained tensors
};

}  // namespace paracord
