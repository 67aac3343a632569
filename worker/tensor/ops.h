// The arithmetic of a model, in float32: the seam between layers and devices. A device holds one
// object of this class.
//
// Every matrix is row-major and contiguous, every pointer is in the device's memory, `rows` may be
// 0. Calls may be asynchronous; Device::Finish waits, and a call that returns a value has waited.
// The object has no state that a call changes: threads share it. The same arguments give the same
// bits on one compute class (compute_class.h).
#pragma once

#include <cstdint>

#include "worker/tensor/shapes.h"

namespace paracord {

struct LinearShape {
  int64_t rows, inputs, outputs;
  // Floats from one row of y or dy to the next; 0: `outputs`. More, if these are some of a layer's
  // outputs.
  int64_t stride = 0;
  bool bfloat16 = false;  // x, weight and dy are from RoundOperand
  int64_t row() const { return stride > 0 ? stride : outputs; }
};

// gelu: the tanh approximation; silu: x times the logistic function of x.
enum class Activation { kRelu, kTanh, kSigmoid, kGelu, kSilu };

// What a dropout mask is a function of; with the row's place in the batch and the column nothing
// else.
struct DropoutDraw {
  uint64_t key;  // of the job and the layer
  uint64_t step;
  uint64_t first_row;  // place of row 0 in the whole batch, below 2^32
  double rate;         // share of values dropped, [0, 1)
};

// A word's upper 24 bits are compared with the threshold: kept if not below it.
inline uint32_t DropoutThreshold(double rate) {
  const double exact = rate * 0x1p24;
  const auto whole = static_cast<uint32_t>(exact);
  return whole + (whole < exact ? 1 : 0);
}
inline float DropoutScale(double rate) { return static_cast<float>(1.0 / (1.0 - rate)); }

struct LabelRange {
  float least, most;
  bool whole;  // whole numbers only
};

// What a softmax is drawn to.
struct SoftmaxTarget {
  float smoothing = 0;             // of each row's target, this share is spread over all classes
  const float* weights = nullptr;  // [outputs] in the device's memory: of a row, by label; null: 1
};

class Ops {
 public:
  virtual ~Ops() = default;

  // Linear: x [rows, inputs], weight [outputs, inputs], bias [outputs] or null, y [rows, outputs].
  // y = x weight^T + bias. A row of y has the same bits whatever rows it is computed with.
  // `scratch`: LinearScratch(shape) floats, which also serve any smaller number of rows.
  virtual int64_t LinearScratch(const LinearShape& shape) const = 0;
  virtual void LinearForward(const LinearShape& shape, const float* x, const float* weight,
                             const float* bias, float* y, float* scratch) const = 0;
  // dx [rows, inputs] = dy weight.
  virtual void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                                   float* dx) const = 0;
  // dweight [outputs, inputs] = dy^T x. Overwrites.
  virtual void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x,
                                    float* dweight) const = 0;
  // dbias [outputs] = the sum of dy's rows, in an order that the shape gives; one row keeps its -0.
  // Overwrites.
  virtual void BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const = 0;

  // Element by element; y may be x, dx may be dy.
  virtual void ActivationForward(Activation kind, int64_t count, const float* x,
                                 float* y) const = 0;
  // dx = dy f'. `kept` is what f' is computed from: the activation's y, its x for gelu and
  // silu.
  virtual void ActivationBackward(Activation kind, int64_t count, const float* kept,
                                  const float* dy, float* dx) const = 0;
  // y [rows, columns] = x / (1 - rate) where kept, +0 where dropped; the same call carries
  // gradients back. y may be x.
  virtual void Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
                       float* y) const = 0;
  // x *= factor.
  virtual void Scale(int64_t count, float factor, float* x) const = 0;
  // y = the nearest bfloat16, a float32 whose lower 16 bits are 0, of two the even one; a NaN stays
  // one. y may be x.
  virtual void RoundToBfloat16(int64_t count, const float* x, float* y) const = 0;
  // The same for an operand of the products of a layer whose shape says bfloat16; how it lies in y,
  // `count` floats of room, is the device's own. y is not x.
  virtual void RoundOperand(int64_t count, const float* x, float* y) const {
    RoundToBfloat16(count, x, y);
  }
  // x = +0.
  virtual void Clear(int64_t count, float* x) const = 0;
  virtual void Copy(int64_t count, const float* x, float* y) const = 0;
  // One float, on the host, for a message.
  virtual float Read(const float* at) const = 0;

  // out = x + y; out may be either of them.
  virtual void Add(int64_t count, const float* x, const float* y, float* out) const = 0;
  // y [rows, columns] = x + row [columns], for each row; y may be x. BiasGradient goes back.
  virtual void AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                         float* y) const = 0;
  // y [rows, columns] = x [rows, columns], whose rows begin x_stride and y_stride floats apart.
  virtual void CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                        int64_t y_stride) const = 0;
  // y [rows, width, height] = x [rows, height, width], each row turned. y is not x.
  virtual void Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                         float* y) const = 0;

  // Images: x, dx [rows, channels, height, width], y, dy [rows, channels, out_height, out_width].
  // A row of y or dx has the same bits whatever rows it is computed with.

  // y = x convolved with weight, plus bias [out_channels] or null. `scratch`: ConvScratch(shape)
  // floats, for each of the three calls, which also serve any smaller number of rows.
  virtual int64_t ConvScratch(const ConvShape& shape) const = 0;
  virtual void ConvForward(const ConvShape& shape, const float* x, const float* weight,
                           const float* bias, float* y, float* scratch) const = 0;
  virtual void ConvInputGradient(const ConvShape& shape, const float* dy, const float* weight,
                                 float* dx, float* scratch) const = 0;
  // Overwrites dweight, like the bias gradient below: sums over rows and points.
  virtual void ConvWeightGradient(const ConvShape& shape, const float* dy, const float* x,
                                  float* dweight, float* scratch) const = 0;
  virtual void ConvBiasGradient(const ConvShape& shape, const float* dy, float* dbias) const = 0;

  // Largest of a window, the first of equal ones, a NaN before all; padding is never taken. `kept`:
  // as many floats as y, for the way back, no numbers to compute with.
  virtual void MaxPoolForward(const PoolShape& shape, const float* x, float* y,
                              float* kept) const = 0;
  virtual void MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                               float* dx) const = 0;
  // Mean of a window; padding counts as zeros. A window of height x width is the global pool.
  virtual void AvgPoolForward(const PoolShape& shape, const float* x, float* y) const = 0;
  virtual void AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const = 0;

  // Norms: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, the variance over n, not n-1;
  // y may be x, dx may be dy. dgamma and dbeta are overwritten with sums over the rows.

  // Mean and variance [channels] of x over rows and points: of a slice; no rows give zeros. Those
  // of the slice or running averages go into BatchNormForward.
  virtual void BatchNormStatistics(const ChannelShape& shape, const float* x, float* mean,
                                   float* variance) const = 0;
  virtual void BatchNormForward(const ChannelShape& shape, float epsilon, const float* x,
                                const float* mean, const float* variance, const float* gamma,
                                const float* beta, float* y) const = 0;
  // mean and variance are x's own, and dx goes through them too.
  virtual void BatchNormBackward(const ChannelShape& shape, float epsilon, const float* x,
                                 const float* mean, const float* variance, const float* gamma,
                                 const float* dy, float* dx, float* dgamma, float* dbeta) const = 0;
  // Over the channels and points of each group of each row; gamma and beta [channels]. `kept`
  // [rows, groups, 2]: mean and 1 / deviation. A row of y or dx does not depend on other rows; so
  // for the two below.
  virtual void GroupNormForward(const ChannelShape& shape, float epsilon, const float* x,
                                const float* gamma, const float* beta, float* y,
                                float* kept) const = 0;
  virtual void GroupNormBackward(const ChannelShape& shape, const float* x, const float* kept,
                                 const float* gamma, const float* dy, float* dx, float* dgamma,
                                 float* dbeta) const = 0;
  // Over each of the rows (the tokens of sequences) of x [rows, width]. beta and dbeta may be null.
  // `kept` [rows, 2]: mean and 1 / deviation.
  virtual void LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                                const float* gamma, const float* beta, float* y,
                                float* kept) const = 0;
  virtual void LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                                 const float* gamma, const float* dy, float* dx, float* dgamma,
                                 float* dbeta) const = 0;
  // y = x / sqrt(mean of x^2 + epsilon) * gamma. `kept` [rows]: the factor before gamma.
  virtual void RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                              const float* gamma, float* y, float* kept) const = 0;
  virtual void RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                               const float* gamma, const float* dy, float* dx,
                               float* dgamma) const = 0;

  // y [count, width] = the rows of table [vocabulary, width] that ids [count] name. The caller has
  // made sure, with FirstBadLabel, that each is a whole number in [0, vocabulary); vocabulary is at
  // most 2^24, up to where a float holds every whole number.
  virtual void EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                                float* y) const = 0;
  // dtable [vocabulary, width] = dy's rows, added in order to those that ids name. Overwrites.
  virtual void EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                                 const float* dy, float* dtable) const = 0;

  // Turns each pair (x[i], x[i + head_width / 2]) of each head by the angle of token and i, in
  // place; `back`: by the negative angle, which is also the gradient. table [length, head_width]:
  // rotary_table.h.
  virtual void Rotate(const RotaryShape& shape, const float* table, bool back, float* x) const = 0;

  // y [rows, length, width()] = softmax(q k^T / sqrt(head_width)) v for each head, from qkv [rows,
  // length, packed()]. `kept`: AttentionKept(shape) floats for the way back; if the device does not
  // say otherwise [rows, heads, length, length], the probabilities, zeros where a token does not
  // see. A row of y or dqkv has the same bits whatever rows it is computed with. `scratch`:
  // AttentionScratch(shape) floats, for both calls, whatever the rows.
  virtual int64_t AttentionKept(const AttentionShape& shape) const {
    return shape.rows * shape.probabilities();
  }
  virtual int64_t AttentionScratch(const AttentionShape& shape) const = 0;
  virtual void AttentionForward(const AttentionShape& shape, const float* qkv, float* y,
                                float* kept, float* scratch) const = 0;
  // dqkv is not qkv, y is not needed.
  virtual void AttentionBackward(const AttentionShape& shape, const float* qkv, const float* kept,
                                 const float* dy, float* dqkv, float* scratch) const = 0;

  // y [rows, columns] = silu(the first half of x's row) * the second half; x [rows, 2 columns].
  virtual void SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const = 0;
  // dx may be x.
  virtual void SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                              float* dx) const = 0;

  // Losses return the sum over the rows and write dlogits [rows, outputs] = scale *
  // d(sum)/d(logits). labels [rows]: the class, a whole number in [0, outputs), as a float. A row's
  // loss is the weight of its label times -sum q log softmax(logits), with
  // q = smoothing / outputs, and 1 - smoothing more for the label.
  virtual double SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                     const float* labels, const SoftmaxTarget& target, float scale,
                                     float* dlogits) const = 0;
  // labels [rows, outputs]; a row's loss is the mean over its outputs, here and below.
  virtual double MeanSquaredError(int64_t rows, int64_t outputs, const float* logits,
                                  const float* labels, float scale, float* dlogits) const = 0;
  // labels t [rows, outputs] in [0, 1]; logits go through the logistic function first, to s:
  // -positive_weight t log s - (1 - t) log(1 - s).
  virtual double BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                                    const float* labels, float positive_weight, float scale,
                                    float* dlogits) const = 0;
  // Index of the first label outside the range (NaN is outside), -1 if there is none.
  virtual int64_t FirstBadLabel(const LabelRange& range, int64_t count,
                                const float* labels) const = 0;

  // Metrics return the sum over the rows.
  // labels [rows]: 1 for a row whose label's logit is among the `most` largest; of equal ones the
  // first is the larger. Other logits that are NaN count as larger; a label's, or a bad label, is
  // no hit.
  virtual double ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                           const float* labels) const = 0;
  // labels [rows]: -log softmax(logits) of the label; of a bad one NaN.
  virtual double ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                              const float* labels) const = 0;
  // labels t [rows, outputs] in [0, 1]: -t log s - (1 - t) log(1 - s), s = logistic(logit).
  virtual double SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                             const float* labels) const = 0;
  // labels [rows, outputs]: the share of a row's outputs with (logit > 0) == (label > 0.5).
  virtual double SignHits(int64_t rows, int64_t outputs, const float* logits,
                          const float* labels) const = 0;
  // labels [rows, outputs]: the mean over a row's outputs of (logit - label)^2.
  virtual double SquaredError(int64_t rows, int64_t outputs, const float* logits,
                              const float* labels) const = 0;
  // counts [2, bins], on the host: adds 1 for each logit, in the first row for labels up to 0.5, in
  // the second for those above, at floor(bins * logistic(logit / 4)), which is below `bins`. A NaN
  // makes the first count NaN.
  virtual void CountScores(int64_t count, const float* logits, const float* labels, int64_t bins,
                           double* counts) const = 0;
};

}  // namespace paracord
