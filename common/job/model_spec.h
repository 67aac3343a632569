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
  std::string name;  // "0.weight": its layer, as parse_model.h names it, then what it is
  Shape shape;
  TensorKind kind = TensorKind::kTrained;
  InitializerSpec initializer;

  int64_t size() const { return ShapeSize(shape); }
};

enum class LayerKind {
  kLinear,
  kConv2d,
  kMaxPool,
  kAvgPool,
  kGlobalAvgPool,
  kBatchNorm,
  kGroupNorm,
  kLayerNorm,
  kRmsNorm,
  kEmbedding,
  kPositions,
  kAttention,
  kRotary,  // no word of a job file: stands before an attention that turns its tokens
  kRelu,
  kTanh,
  kSigmoid,
  kGelu,
  kSilu,
  kSwiglu,
  kDropout,
  kFlatten,
  kTranspose,
  kColumns,
  kAdd,     // no word of a job file: the end of a residual
  kConcat,  // its word names a list of branches: joins two of them
};
enum class LossKind { kSoftmaxCrossEntropy, kMeanSquaredError, kBinaryCrossEntropy };
enum class Precision { kFloat32, kBfloat16 };
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

// Whether layers of this kind read `second` too.
inline bool ReadsTwo(LayerKind kind) {
  return kind == LayerKind::kAdd || kind == LayerKind::kConcat;
}

inline constexpr int32_t kModelInput = -1;  // instead of a layer's index: the samples
inline constexpr int32_t kNotTied = -1;
inline constexpr int32_t kNoBlock = -1;

// Samples have the shapes [n], [channels, height, width] (images), [length] (token ids) or
// [length, width] (tokens).
struct LayerSpec {
  LayerKind kind = LayerKind::kRelu;
  int64_t units = 0;  // linear: outputs; conv2d: channels; embedding: width; concat: values of the
                      // second input
  bool bias = true;   // linear, conv2d, layer_norm
  double rate = 0;    // dropout: share of values dropped, [0, 1)
  int64_t kernel = 1, stride = 1, padding = 0;  // conv2d, pools: of height and width alike
  int64_t groups = 1;                           // conv2d, group_norm
  int64_t vocabulary = 0;                       // embedding: rows of its table
  // embedding: ids of each column that it reads, whose rows lie one column after another in the
  // table; empty: all read the same rows.
  std::vector<int64_t> vocabularies = {};
  bool sum = false;                   // embedding: gives the sum over the columns
  std::vector<int64_t> columns = {};  // columns; embedding, where empty means all
  int64_t heads = 1, kv_heads = 1;    // attention, rotary
  bool causal = false;                // attention
  double epsilon = 1e-5;              // norms
  double momentum = 0.1;  // batch_norm: share of a step's statistics in the next running averages
  Shape input;            // of one sample
  Shape output;
  int32_t source = kModelInput;  // the earlier layer whose output it reads
  int32_t second = kModelInput;  // add, concat: the other one
  int32_t tied = kNotTied;       // linear: an earlier layer's tensor that is its weight too
  int32_t block = kNoBlock;      // number of the SpecBuilder's block that it is in
  uint32_t place = 0;            // index in the list
  uint32_t first_tensor = 0;     // index of its first tensor in ModelSpec::tensors
  uint32_t tensor_count = 0;     // its own: linear: weight [units, inputs], then bias [units]
};

struct ModelSpec {
  Shape input;  // of one sample
  std::vector<LayerSpec> layers;
  LossKind loss = LossKind::kSoftmaxCrossEntropy;
  LossSettings loss_settings;
  std::vector<TensorSpec> tensors;  // of all layers, in order
  bool recompute = false;           // values inside a block are computed twice instead of kept
  Precision precision = Precision::kFloat32;  // of what linear and conv2d multiply

  const Shape& output() const { return layers.empty() ? input : layers.back().output; }
  // Of softmax: its classes are the last axis of the output, everything before it is positions.
  int64_t classes() const { return output().empty() ? 1 : output().back(); }
  // Floats of a sample's label: softmax has one a position, other losses one an output.
  int64_t label_floats() const;
  int64_t parameters() const;  // floats of all kTrained tensors
};

}  // namespace paracord
