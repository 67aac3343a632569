// The update rule: weights of version t and the gradient of step t give version t+1, in one pass
// over memory that also does the last addition of the reduction tree. Pure; the same bits for any
// vector width and on any host.
//
// Sources: momentum and Nesterov as in Sutskever et al., ICML 2013, in the form v = m v + g, w -=
// lr (g + m v or v); Adagrad: Duchi et al., JMLR 2011; RMSProp: Tieleman and Hinton, 2012; Adam:
// Kingma and Ba, ICLR 2015, algorithm 1; AdamW: Loshchilov and Hutter, ICLR 2019, algorithm 2.
// PartOf's momentum looks ahead as in Hakimi et al., "Taming Momentum in a Distributed Asynchronous
// Environment", 2019.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/job/job_spec.h"

namespace paracord {

// Floats of state for each weight: 0 sgd; 1 momentum, adagrad, rmsprop; 2 adam, adamw.
int StateFloats(OptimizerSpec::Kind kind);

// Bytes of a server's memory that blocks of so many floats take at most: two versions, a third in
// the making or in a checkpoint, and the optimizer's state twice, as a checkpoint holds the one
// that it began with. The scheduler plans with it and the server reserves it; every block counts,
// the metrics' too.
uint64_t BytesOnServer(uint64_t floats, OptimizerSpec::Kind kind);

// lr of step `step` (from 0) of `total_steps`. No libm: hosts agree on every bit.
double LearningRate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps);

// What is the same for all weights of one step, worked out once.
struct UpdateStep {
  OptimizerSpec::Kind kind;
  bool nesterov;
  float lr, momentum, beta1, beta2, epsilon, weight_decay;
  float take1, take2;              // how much of what is new an average takes: 1 - beta1, 1 - beta2
  float correction1, correction2;  // adam: 1 - beta^steps, each
  float clip = 1;                  // the gradient is multiplied by it
  // Of a part of a step; what a whole step has changes nothing.
  bool part = false;
  float share = 1;  // of the step's samples
  float gain = 1;   // momentum: of the gradient in the velocity
  float ahead = 0;  // momentum: the weights are so many velocities ahead of themselves
};
UpdateStep PrepareUpdate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps);
// The same step for one tensor's weights: with its own decay and learning rate.
UpdateStep UpdateOf(const TensorSpec& tensor, const OptimizerSpec& spec, UpdateStep step);
// The update by the mean gradient of some of a step's samples, `share` of them, so that the parts
// of a step together do about what the step does. Averages forget by the root (beta^share),
// so that a step of parts forgets as much as a step. Momentum becomes Nesterov's: gradients of
// parts are about a step old, and the velocity says where the weights will be by then. `steps`:
// that the weights will have had with this part. Uses libm: these bits are nobody's promise.
UpdateStep PartOf(UpdateStep whole, const OptimizerSpec& spec, double share, double steps);

// For i in [0, count): g = left[i] (+ right[i], if `right` is not null); then weights_out,
// state*_out from weights_in, state*_in. Outputs may be the inputs (in place) but not overlap
// otherwise. Unused state pointers are null.
struct UpdateBuffers {
  const float* left;
  const float* right;  // or null
  const float* weights_in;
  float* weights_out;
  const float* state1_in;
  float* state1_out;
  const float* state2_in;
  float* state2_out;
};
void ApplyUpdate(const UpdateStep& step, const UpdateBuffers& buffers, size_t count);

// Adds the squares of a gradient's elements [at, at + count) to `lanes`, element i's to lane
// i % kSquareLanes, in order; `at` is a multiple of their number. `right`: as above.
inline constexpr size_t kSquareLanes = 8;
void AddSquares(const float* left, const float* right, size_t count, double* lanes);

// to[i] = left[i] + right[i]; `to` may be either.
void AddFloats(const float* left, const float* right, float* to, size_t count);

}  // namespace paracord
