// How tests of operations compare values.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/model_builder.h"
#include "worker/tensor/ops.h"

namespace paracord {

#ifdef PARACORD_TEST_WIDTHS
std::unique_ptr<Ops> MakeOps_sse2();
std::unique_ptr<Ops> MakeOps_avx2();
std::unique_ptr<Ops> MakeOps_avx512f();
#endif

// CpuOps compiled for one vector width alone, each width that this host has.
inline std::vector<std::unique_ptr<Ops>> OpsOfEveryWidth() {
  std::vector<std::unique_ptr<Ops>> all;
#ifdef PARACORD_TEST_WIDTHS
  all.push_back(MakeOps_sse2());
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    all.push_back(MakeOps_avx2());
  }
  if (__builtin_cpu_supports("avx512f")) all.push_back(MakeOps_avx512f());
#endif
  return all;
}

using Floats = std::vector<float>;

inline Floats Zeros(int64_t count) { return Floats(static_cast<size_t>(count)); }

// What an operation must overwrite.
inline Floats Unset(int64_t count) {
  return Floats(static_cast<size_t>(count), std::numeric_limits<float>::quiet_NaN());
}

inline bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Largest difference, relative to the larger of 1 and the largest value.
inline double Distance(const Floats& actual, const Floats& expected) {
  REQUIRE(actual.size() == expected.size());
  double size = 1, worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i])) return 1e9;
    size = std::max(size, std::abs(static_cast<double>(expected[i])));
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return worst / size;
}

// Values [first, first + count) of each of the tensors.
inline Floats Part(const Floats& whole, int64_t first, int64_t count) {
  return Floats(whole.begin() + first, whole.begin() + first + count);
}

using Results = std::vector<Floats>;

inline bool SameBits(const Results& a, const Results& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Floats& x, const Floats& y) { return SameBits(x, y); });
}

inline void CheckClose(const Results& actual, const Results& expected, double bound) {
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(Distance(actual[i], expected[i]) < bound);
  }
}

// dx against central differences of the sum of dy * forward(x), at every `every`th value of x.
// `forward` computes in double.
template <typename Forward>
void CheckSlopes(const Floats& x, const Floats& dy, const Floats& dx, size_t every,
                 Forward forward) {
  const auto loss = [&](size_t i, float step) {
    Floats moved = x;
    moved[i] += step;
    const Floats y = forward(moved);
    double sum = 0;
    for (size_t k = 0; k < y.size(); ++k) sum += static_cast<double>(y[k]) * dy[k];
    return sum;
  };
  REQUIRE(dx.size() == x.size());
  constexpr float kStep = 0x1p-7f;
  for (size_t i = 0; i < x.size(); i += every) {
    const double slope = (loss(i, kStep) - loss(i, -kStep)) / (2.0 * kStep);
    CAPTURE(i);
    CHECK(dx[i] == Approx(slope).epsilon(2e-3).margin(2e-3));
  }
}

// compute(ops) again, at the same time on two fresh threads, and at every vector width.
template <typename Compute>
void CheckSameBitsAgain(const Ops& ops, const Results& expected, Compute compute) {
  Results first, second;
  std::thread one([&] { first = compute(ops); }), two([&] { second = compute(ops); });
  one.join();
  two.join();
  CHECK(SameBits(expected, compute(ops)));
  CHECK(SameBits(expected, first));
  CHECK(SameBits(expected, second));
  for (const auto& width : OpsOfEveryWidth()) CHECK(SameBits(expected, compute(*width)));
}

// Whole numbers in [least, most].
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}
  int64_t operator()(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(random_() % static_cast<uint64_t>(most - least + 1));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace paracord
