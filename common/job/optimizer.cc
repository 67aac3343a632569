#include "common/job/optimizer.h"

#include <cmath>

#include "common/base/vectorize.h"

// Each kind is one plain function, so that it can be cloned for each vector width, and reads what
// is constant into locals first: a store to the weights could otherwise change it, for all the
// compiler knows.
namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;

// Calls update(i, gradient i) for all i; the two loops are the last addition of the tree and its
// absence.
template <class Update>
PARACORD_INLINE inline void ForEachGradient(const UpdateStep& step, const UpdateBuffers& buffers,
                                            size_t count, const Update& update) {
  const float clip = step.clip;  // by 1 no bit changes
  const float* left = buffers.left;
  const float* right = buffers.right;
  if (right == nullptr) {
    PARACORD_NO_OVERLAP
    for (size_t i = 0; i < count; ++i) update(i, clip * left[i]);
  } else {
    PARACORD_NO_OVERLAP
    for (size_t i = 0; i < count; ++i) update(i, clip * (left[i] + right[i]));
  }
}

PARACORD_VECTORIZED void Sgd(const UpdateStep& step, const UpdateBuffers& buffers, size_t count) {
  const float lr = step.lr * step.share, decay = step.weight_decay;
  const float* w_in = buffers.weights_in;
  float* w_out = buffers.weights_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float g) PARACORD_INLINE {
    const float w = w_in[i];
    w_out[i] = w - lr * (g + decay * w);
  });
}

PARACORD_VECTORIZED void Momentum(const UpdateStep& step, const UpdateBuffers& buffers,
                                  size_t count) {
  const float lr = step.lr, decay = step.weight_decay, momentum = step.momentum;
  const float *w_in = buffers.weights_in, *v_in = buffers.state1_in;
  float *w_out = buffers.weights_out, *v_out = buffers.state1_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i];
    const float v = momentum * v_in[i] + (gradient + decay * w);
    v_out[i] = v;
    w_out[i] = w - lr * v;
  });
}

PARACORD_VECTORIZED void Nesterov(const UpdateStep& step, const UpdateBuffers& buffers,
                                  size_t count) {
  const float lr = step.lr, decay = step.weight_decay, momentum = step.momentum;
  const float *w_in = buffers.weights_in, *v_in = buffers.state1_in;
  float *w_out = buffers.weights_out, *v_out = buffers.state1_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i];
    const float g = gradient + decay * w;
    const float v = momentum * v_in[i] + g;
    v_out[i] = v;
    w_out[i] = w - lr * (g + momentum * v);
  });
}

// With share s, velocity v and weights w that are A velocities ahead of theta:
// theta' = theta - lr s v', w' = theta' - lr A v'. At s = 1 and A = m it is Nesterov's rule.
PARACORD_VECTORIZED void MomentumOfPart(const UpdateStep& step, const UpdateBuffers& buffers,
                                        size_t count) {
  const float lr = step.lr, decay = step.weight_decay, momentum = step.momentum;
  const float share = step.share, gain = step.gain, ahead = step.ahead;
  const float *w_in = buffers.weights_in, *v_in = buffers.state1_in;
  float *w_out = buffers.weights_out, *v_out = buffers.state1_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i], before = v_in[i];
    const float v = momentum * before + gain * (gradient + decay * w);
    v_out[i] = v;
    w_out[i] = w - lr * (share * v + ahead * (v - before));
  });
}

PARACORD_VECTORIZED void Adagrad(const UpdateStep& step, const UpdateBuffers& buffers,
                                 size_t count) {
  const float lr = step.lr * step.share, decay = step.weight_decay, epsilon = step.epsilon;
  const float share = step.share;
  const float *w_in = buffers.weights_in, *v_in = buffers.state1_in;
  float *w_out = buffers.weights_out, *v_out = buffers.state1_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i];
    const float g = gradient + decay * w;
    const float v = v_in[i] + share * (g * g);
    v_out[i] = v;
    w_out[i] = w - lr * g / (std::sqrt(v) + epsilon);
  });
}

PARACORD_VECTORIZED void Rmsprop(const UpdateStep& step, const UpdateBuffers& buffers,
                                 size_t count) {
  const float lr = step.lr * step.share, decay = step.weight_decay, epsilon = step.epsilon;
  const float keep = step.beta2, take = step.take2;
  const float *w_in = buffers.weights_in, *v_in = buffers.state1_in;
  float *w_out = buffers.weights_out, *v_out = buffers.state1_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i];
    const float g = gradient + decay * w;
    const float v = keep * v_in[i] + take * (g * g);
    v_out[i] = v;
    w_out[i] = w - lr * g / (std::sqrt(v) + epsilon);
  });
}

// Both Adams: `shrink` is what a weight loses by itself (adamw), `decay` goes into the gradient
// (adam); one of them is 0. The corrections are moved out of the loop as in the paper's section 2,
// with epsilon moved along, so that it stays algorithm 1: lr (m/c1) / (sqrt(v/c2) + eps) = (lr
// sqrt(c2)/c1) m / (sqrt(v) + eps sqrt(c2)).
PARACORD_VECTORIZED void Adam(const UpdateStep& step, const UpdateBuffers& buffers, size_t count) {
  const bool decoupled = step.kind == Kind::kAdamw;
  const float lr = step.lr * step.share;
  const float shrink = decoupled ? lr * step.weight_decay : 0;
  const float decay = decoupled ? 0 : step.weight_decay;
  const float root = std::sqrt(step.correction2);
  const float rate = lr * root / step.correction1, epsilon = step.epsilon * root;
  const float keep1 = step.beta1, take1 = step.take1;
  const float keep2 = step.beta2, take2 = step.take2;
  const float *w_in = buffers.weights_in, *m_in = buffers.state1_in, *v_in = buffers.state2_in;
  float *w_out = buffers.weights_out, *m_out = buffers.state1_out, *v_out = buffers.state2_out;
  ForEachGradient(step, buffers, count, [=](size_t i, float gradient) PARACORD_INLINE {
    const float w = w_in[i];
    const float g = gradient + decay * w;
    const float m = keep1 * m_in[i] + take1 * g;
    const float v = keep2 * v_in[i] + take2 * (g * g);
    m_out[i] = m;
    v_out[i] = v;
    w_out[i] = (w - shrink * w) - rate * m / (std::sqrt(v) + epsilon);
  });
}

PARACORD_VECTORIZED void Squares(const float* left, const float* right, size_t count,
                                 double* lanes) {
  double sums[kSquareLanes];
  for (size_t k = 0; k < kSquareLanes; ++k) sums[k] = lanes[k];
  const size_t whole = count / kSquareLanes * kSquareLanes;
  for (size_t i = 0; i < whole; i += kSquareLanes) {
    for (size_t k = 0; k < kSquareLanes; ++k) {
      const double g = right == nullptr ? left[i + k] : left[i + k] + right[i + k];
      sums[k] += g * g;
    }
  }
  for (size_t i = whole; i < count; ++i) {
    const double g = right == nullptr ? left[i] : left[i] + right[i];
    sums[i - whole] += g * g;
  }
  for (size_t k = 0; k < kSquareLanes; ++k) lanes[k] = sums[k];
}

PARACORD_VECTORIZED void Add(const float* left, const float* right, float* to, size_t count) {
  PARACORD_NO_OVERLAP
  for (size_t i = 0; i < count; ++i) to[i] = left[i] + right[i];
}

}  // namespace

void ApplyUpdate(const UpdateStep& step, const UpdateBuffers& buffers, size_t count) {
  switch (step.kind) {
    case Kind::kSgd:
      return Sgd(step, buffers, count);
    case Kind::kMomentum:
      if (step.part) return MomentumOfPart(step, buffers, count);
      return step.nesterov ? Nesterov(step, buffers, count) : Momentum(step, buffers, count);
    case Kind::kAdagrad:
      return Adagrad(step, buffers, count);
    case Kind::kRmsprop:
      return Rmsprop(step, buffers, count);
    case Kind::kAdam:
    case Kind::kAdamw:
      return Adam(step, buffers, count);
  }
}

void AddSquares(const float* left, const float* right, size_t count, double* lanes) {
  Squares(left, right, count, lanes);
}

void AddFloats(const float* left, const float* right, float* to, size_t count) {
  Add(left, right, to, count);
}

}  // namespace paracord
