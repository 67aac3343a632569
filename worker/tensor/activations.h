// The activations, their way back and the rounding to bfloat16, value by value: the same formulas
// on every device. Without a branch, so that loops over them are vectorised.
#pragma once

#include <bit>
#include <cstdint>

#include "common/base/host_device.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

// gelu(x) = x / 2 (1 + tanh(u)) = x sigmoid(2 u): the second form does not cancel for negative x.
// 2 u = kGeluSlope (x + kGeluCubic x^3). Source: Hendrycks and Gimpel, "Gaussian Error Linear
// Units", 2016, section 2.
inline constexpr float kGeluSlope = 1.5957691216057308f;  // 2 sqrt(2 / pi)
inline constexpr float kGeluCubic = 0.044715f;

PARACORD_HD inline float Gelu(float x) {
  return x * Sigmoid(kGeluSlope * (x + kGeluCubic * (x * x * x)));
}

PARACORD_HD inline float GeluSlope(float x) {
  const float low = x < -30.0f ? -30.0f : x;  // beyond, the slope is exactly 0 or 1
  const float b = low > 30.0f ? 30.0f : low;
  const float s = Sigmoid(kGeluSlope * (b + kGeluCubic * (b * b * b)));
  return s + b * (s * (1.0f - s)) * (kGeluSlope * (1.0f + 3.0f * kGeluCubic * (b * b)));
}

PARACORD_HD inline float Silu(float x) { return x * Sigmoid(x); }

// x e^x, the slope for negative x far away, is +-0 there; beyond 90 the slope is exactly 0 or 1.
PARACORD_HD inline float SiluSlope(float x) {
  const float low = x < -104.0f ? -104.0f : x;
  const float b = low > 90.0f ? 90.0f : low;
  const float s = Sigmoid(b);
  return s + b * (s * (1.0f - s));
}

PARACORD_HD inline float Relu(float x) { return x < 0.0f ? 0.0f : x; }  // a NaN passes

// dy f', as Ops::ActivationBackward says: `kept` is y, or x for gelu and silu.
PARACORD_HD inline float ReluBack(float kept, float dy) { return kept > 0.0f ? dy : 0.0f; }
PARACORD_HD inline float TanhBack(float kept, float dy) { return dy * (1.0f - kept * kept); }
PARACORD_HD inline float SigmoidBack(float kept, float dy) { return dy * (kept * (1.0f - kept)); }
PARACORD_HD inline float GeluBack(float kept, float dy) { return dy * GeluSlope(kept); }
PARACORD_HD inline float SiluBack(float kept, float dy) { return dy * SiluSlope(kept); }

// Half a unit is added, one less if the bit before it is 0: a carry rounds up.
PARACORD_HD inline float NearestBfloat16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  const uint32_t rounded = is_nan ? bits | 0x00400000u : bits + 0x7FFFu + (bits >> 16 & 1u);
  return std::bit_cast<float>(rounded & 0xFFFF0000u);
}

}  // namespace paracord
