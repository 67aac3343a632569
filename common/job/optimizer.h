// The update rule: weights of version t and the gradient of step t give version t+1, in one pass
// over memory that also does the last addition of the reduction tree. Pure; the same bits for any
// vector width and on any host.
//
// Sources: momentum and Nesterov as in Sutskever et al., ICML 2013, in the form v = m v + g, w -=
// lr (g + m v or v); Adagrad: Duchi et al., JMLR 2011; RMSProp: Tieleman and Hinton, 2012; Adam:
// Kingma and Ba, ICLR 2015, algorithm 1; AdamW: Loshchilov and Hutter, ICLR 2019, algorithm 2.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/job/job_spec.h"

namespace paracord {

// Floats of state for each weight: 0 sgd; 1 momentum, adagrad, rmsprop; 2 adam, adamw.
int StateFloats(OptimizerSpec::Kind kind);

// Bytes of a server's memory that blocks of so many floats take at most: two versions, a third in
// the making or in a checkpoint, and the optimizer's state. The scheduler plans with it and the
// server reserves it; every block counts, the metrics' too.
uint64_t BytesOnServer(uint64_t floats, OptimizerSpec::Kind kind);

// lr of step `step` (from 0) of `total_steps`. No libm: hosts agree on every bit.
double LearningRate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps);

// What is the same for all weights of one step, worked out once.
struct UpdateStep {
  OptimizerSpec::Kind kind;
  bool nesterov;
  float lr, momentum, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;  // adam: 1 - beta^updates, each
};
UpdateStep PrepareUpdate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps);
// The same for weights that this update is the `updates`-th of, where a step is several.
UpdateStep PrepareUpdate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps,
                         uint64_t updates);

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

// to[i] = left[i] + right[i]; `to` may be either.
void AddFloats(const float* left, const float* right, float* to, size_t count);

}  // namespace paracord
