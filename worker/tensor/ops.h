// The arithmetic of a model, in float32: the seam between layers and devices. A device holds one
// object of this class.
//
// Every matrix is row-major and contiguous, every pointer is in the device's memory, `rows` may be
// 0. Calls may be asynchronous; Device::Finish waits, and a call that returns a value has waited.
// The object has no state that a call changes: threads share it. The same arguments give the same
// bits on one compute class (compute_class.h).
#pragma once

#include <cstdint>

namespace paracord {

struct LinearShape {
  int64_t rows, inputs, outputs;
  // Floats from one row of y or dy to the next; 0: `outputs`. More, if these are some of a layer's
  // outputs.
  int64_t stride = 0;
  int64_t row() const { return stride > 0 ? stride : outputs; }
};

enum class Activation { kRelu, kTanh, kSigmoid, kGelu };  // gelu: the tanh approximation

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
  // dbias [outputs] = the sum of dy's rows, added in order of rows. Overwrites.
  virtual void BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const = 0;

  // Element by element; y may be x, dx may be dy.
  virtual void ActivationForward(Activation kind, int64_t count, const float* x,
                                 float* y) const = 0;
  // dx = dy f'. `kept` is what f' is computed from: the activation's y, for gelu its x.
  virtual void ActivationBackward(Activation kind, int64_t count, const float* kept,
                                  const float* dy, float* dx) const = 0;
  // y [rows, columns] = x / (1 - rate) where kept, +0 where dropped; the same call carries
  // gradients back. y may be x.
  virtual void Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
                       float* y) const = 0;
  // x *= factor.
  virtual void Scale(int64_t count, float factor, float* x) const = 0;
  // x = +0.
  virtual void Clear(int64_t count, float* x) const = 0;
  virtual void Copy(int64_t count, const float* x, float* y) const = 0;
  // One float, on the host, for a message.
  virtual float Read(const float* at) const = 0;

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
