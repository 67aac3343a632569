// LearningRate, PrepareUpdate, UpdateOf, PartOf, StateFloats and BytesOnServer of optimizer.h: what
// is worked out once a step or a job, in double; without libm, but for PartOf.
#include <algorithm>
#include <cmath>

#include "common/base/glob.h"
#include "common/job/optimizer.h"

namespace paracord {
namespace {

// base^exponent by squaring: the order of the multiplications is fixed, unlike inside libm's pow.
double Power(double base, uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

constexpr double kPi = 3.14159265358979323846;

// 1 - z/(a(a+1)) (1 - z/((a+2)(a+3)) (...)): Taylor's series by Horner's rule. a = 1: cos, a = 2:
// sin(y)/y, z = y^2. For y <= pi/4 what is left out is below 1e-17.
double Alternating(double z, int a) {
  double sum = 1;
  for (int i = a + 14; i >= a; i -= 2) sum = 1 - z / (i * (i + 1)) * sum;
  return sum;
}

// cos(pi x) for x in [0, 1]; the subtractions that fold x into [0, 1/4] are exact.
double CosPi(double x) {
  if (x > 0.5) return -CosPi(1 - x);
  const double y = kPi * (x <= 0.25 ? x : 0.5 - x);
  return x <= 0.25 ? Alternating(y * y, 1) : y * Alternating(y * y, 2);
}

// How far the schedule is at step `step` of `steps`: 0 at the first, 1 at the last and after it; 0
// if there is only one.
double Progress(uint64_t step, uint64_t steps) {
  if (steps <= 1) return 0;
  return static_cast<double>(std::min(step, steps - 1)) / static_cast<double>(steps - 1);
}

}  // namespace

uint64_t BytesOnServer(uint64_t floats, OptimizerSpec::Kind kind) {
  return floats * sizeof(float) * static_cast<uint64_t>(3 + 2 * StateFloats(kind));
}

int StateFloats(OptimizerSpec::Kind kind) {
  switch (kind) {
    case OptimizerSpec::Kind::kSgd:
      return 0;
    case OptimizerSpec::Kind::kMomentum:
    case OptimizerSpec::Kind::kAdagrad:
    case OptimizerSpec::Kind::kRmsprop:
      return 1;
    case OptimizerSpec::Kind::kAdam:
    case OptimizerSpec::Kind::kAdamw:
      return 2;
  }
  return 0;
}

double LearningRate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps) {
  const uint64_t warmup = spec.warmup_steps;
  if (step < warmup) {
    return spec.lr * (static_cast<double>(step + 1) / (static_cast<double>(warmup) + 1));
  }
  const uint64_t after = step - warmup;
  const uint64_t steps = total_steps > warmup ? total_steps - warmup : 0;
  switch (spec.schedule) {
    case OptimizerSpec::Schedule::kConstant:
      break;
    case OptimizerSpec::Schedule::kStep:
      if (spec.step_every == 0) break;
      return spec.lr * Power(spec.step_factor, after / spec.step_every);
    case OptimizerSpec::Schedule::kCosine: {
      // Written so that both ends are exact: lr * 1 + final_lr * 0, and the reverse.
      const double share = 0.5 * (1 + CosPi(Progress(after, steps)));
      return spec.lr * share + spec.final_lr * (1 - share);
    }
    case OptimizerSpec::Schedule::kLinear: {
      const double share = 1 - Progress(after, steps);
      return spec.lr * share + spec.final_lr * (1 - share);
    }
  }
  return spec.lr;
}

UpdateStep PrepareUpdate(const OptimizerSpec& spec, uint64_t step, uint64_t total_steps) {
  UpdateStep out;
  out.kind = spec.kind;
  out.nesterov = spec.nesterov;
  out.lr = static_cast<float>(LearningRate(spec, step, total_steps));
  out.momentum = static_cast<float>(spec.momentum);
  out.beta1 = static_cast<float>(spec.beta1);
  out.beta2 = static_cast<float>(spec.beta2);
  out.epsilon = static_cast<float>(spec.epsilon);
  out.weight_decay = static_cast<float>(spec.weight_decay);
  // From the rounded betas, those that the update itself uses: float(0.999) is 1e-5 of 1 - 0.999
  // away.
  out.take1 = 1 - out.beta1;
  out.take2 = 1 - out.beta2;
  out.correction1 = static_cast<float>(1 - Power(out.beta1, step + 1));
  out.correction2 = static_cast<float>(1 - Power(out.beta2, step + 1));
  return out;
}

UpdateStep UpdateOf(const TensorSpec& tensor, const OptimizerSpec& spec, UpdateStep step) {
  if (tensor.shape.size() == 1 && !spec.decays_vectors) step.weight_decay = 0;
  for (const ParameterGroup& group : spec.groups) {
    if (!GlobMatches(group.match, tensor.name)) continue;
    step.lr = static_cast<float>(step.lr * group.lr_scale);
    if (group.weight_decay) step.weight_decay = static_cast<float>(*group.weight_decay);
    break;
  }
  return step;
}

UpdateStep PartOf(UpdateStep whole, const OptimizerSpec& spec, double share, double steps) {
  whole.part = true;
  whole.share = static_cast<float>(share);
  const double kept = std::pow(spec.momentum, share);
  if (spec.momentum > 0) {
    whole.momentum = static_cast<float>(kept);
    whole.gain = static_cast<float>((1 - kept) / (1 - spec.momentum));
    // What a step of parts without gradients would add to the weights.
    whole.ahead = static_cast<float>(share * kept * (1 - spec.momentum) / (1 - kept));
  }
  whole.beta1 = static_cast<float>(std::pow(spec.beta1, share));
  whole.beta2 = static_cast<float>(std::pow(spec.beta2, share));
  // From the rounded betas, as in PrepareUpdate: else averages are not of what they average.
  whole.take1 = 1 - whole.beta1;
  whole.take2 = 1 - whole.beta2;
  whole.correction1 = static_cast<float>(1 - std::pow(whole.beta1, steps / share));
  whole.correction2 = static_cast<float>(1 - std::pow(whole.beta2, steps / share));
  return whole;
}

}  // namespace paracord
