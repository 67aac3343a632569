// exp, log, tanh and logistic of float32 that give the same bits on every host and at every vector
// width.
//
// libm promises neither: it picks FMA variants at run time. These are additions, multiplications,
// divisions and selections alone, without a branch, so that loops over them are vectorised. Whoever
// includes this compiles with -ffp-contract=off (public in this room's CMake target). NaN stays
// NaN. Errors are in units in the last place against the exact value, over all finite arguments,
// and are tested.
//
// Source: S. Moshier, Cephes Mathematical Library 2.2, single precision (coefficients of the
// minimax polynomials).
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "common/base/host_device.h"

namespace paracord {

// e^x, within 1.5 ulp. +inf above 88.73, gradual underflow to +0 below -87.34.
PARACORD_HD inline float Exp(float x) {
  const float low = x < -104.0f ? -104.0f : x;  // a NaN compares false and passes
  const float bounded = low > 89.0f ? 89.0f : low;
  // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits of the sum.
  const float shifted = bounded * 1.44269504088896341f + 12582912.0f;
  const auto n = static_cast<int32_t>(std::bit_cast<uint32_t>(shifted) - 0x4B400000u);
  const float turns = shifted - 12582912.0f;
  const float r = (bounded - turns * 0.693359375f) + turns * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * (r * r) + r) + 1.0f;
  // 2^n in two factors, so that neither leaves the range of exponents and underflow rounds once.
  const int32_t half = n >> 1;
  const float first = std::bit_cast<float>((static_cast<uint32_t>(half) + 127u) << 23);
  const float second = std::bit_cast<float>((static_cast<uint32_t>(n - half) + 127u) << 23);
  return (p * first) * second;
}

// Natural logarithm, within 1.5 ulp. -inf at 0, NaN below.
PARACORD_HD inline float Log(float x) {
  const bool subnormal = x < 0x1p-126f;
  const auto bits = std::bit_cast<uint32_t>(subnormal ? x * 0x1p23f : x);
  const float mantissa = std::bit_cast<float>((bits & 0x007FFFFFu) | 0x3F000000u);  // [0.5, 1)
  const auto exponent = static_cast<int32_t>((bits >> 23) & 0xFFu) - (subnormal ? 149 : 126);
  const bool low = mantissa < 0.707106781186547524f;
  const float m = (low ? mantissa + mantissa : mantissa) - 1.0f;
  const float e = static_cast<float>(exponent - (low ? 1 : 0));
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float tail = (p * m * z - e * 2.12194440e-4f) - 0.5f * z;
  const float result = (m + tail) + e * 0.693359375f;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float outside = x == 0.0f ? -kInfinity : std::numeric_limits<float>::quiet_NaN();
  const float inside = x == kInfinity ? x : result;
  return x > 0.0f ? inside : outside;
}

// Hyperbolic tangent, within 2 ulp; odd, bits included.
PARACORD_HD inline float Tanh(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const float magnitude = std::bit_cast<float>(bits & 0x7FFFFFFFu);
  const float z = magnitude * magnitude;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float near = (p * z) * magnitude + magnitude;
  const float far = 1.0f - 2.0f / (Exp(2.0f * magnitude) + 1.0f);
  const auto result = std::bit_cast<uint32_t>(magnitude < 0.625f ? near : far);
  return std::bit_cast<float>((result & 0x7FFFFFFFu) | (bits & 0x80000000u));
}

// 1 / (1 + e^-x), within 3 ulp, down to the subnormals.
PARACORD_HD inline float Sigmoid(float x) {
  const float e = Exp(x < 0.0f ? x : -x);
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

}  // namespace paracord
