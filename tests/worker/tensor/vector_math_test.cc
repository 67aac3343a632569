#include "worker/tensor/vector_math.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace paracord {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Every 997th float, of both signs, from the subnormals to the largest.
std::vector<float> Arguments() {
  std::vector<float> all;
  for (uint64_t bits = 0; bits < 0x7F800000u; bits += 997) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    all.push_back(value);
    all.push_back(-value);
  }
  return all;
}

// |actual - exact| in units in the last place of a float of that size.
double UlpsOff(float actual, double exact) {
  const auto rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(actual)) return actual == rounded ? 0 : 1e9;
  const double size = std::max(std::abs(exact), 0x1p-126);
  const double ulp = std::ldexp(1.0, std::ilogb(size) - 23);
  return std::abs(static_cast<double>(actual) - exact) / ulp;
}

template <typename Function, typename Exact>
double WorstUlps(Function function, Exact exact, float least) {
  double worst = 0;
  for (float x : Arguments()) {
    if (x < least) continue;
    worst = std::max(worst, UlpsOff(function(x), exact(static_cast<double>(x))));
  }
  return worst;
}

}  // namespace

TEST_CASE("exp, log, tanh and the logistic function stay within their stated errors") {
  CHECK(WorstUlps(
            Exp, [](double x) { return std::exp(x); }, -kInfinity) <= 1.5);
  CHECK(WorstUlps(
            Log, [](double x) { return std::log(x); }, 0.0f) <= 1.5);
  CHECK(WorstUlps(
            Tanh, [](double x) { return std::tanh(x); }, -kInfinity) <= 2.0);
  const auto logistic = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  CHECK(WorstUlps(Sigmoid, logistic, -kInfinity) <= 3.0);
}

TEST_CASE("infinities and zeros give their limits, and NaN stays NaN") {
  CHECK(Exp(kInfinity) == kInfinity);
  CHECK(Exp(-kInfinity) == 0.0f);
  CHECK(Exp(0.0f) == 1.0f);
  CHECK(Log(0.0f) == -kInfinity);
  CHECK(Log(1.0f) == 0.0f);
  CHECK(Log(kInfinity) == kInfinity);
  CHECK(std::isnan(Log(-1.0f)));
  CHECK(Tanh(kInfinity) == 1.0f);
  CHECK(Tanh(-kInfinity) == -1.0f);
  CHECK(std::signbit(Tanh(-0.0f)));
  CHECK(Sigmoid(kInfinity) == 1.0f);
  CHECK(Sigmoid(-kInfinity) == 0.0f);
  CHECK(Sigmoid(0.0f) == 0.5f);
  for (float value : {Exp(kNan), Log(kNan), Tanh(kNan), Sigmoid(kNan)}) CHECK(std::isnan(value));
}

#if defined(__GNUC__) && defined(__x86_64__) && !defined(PARACORD_SANITIZED)
namespace {

inline __attribute__((always_inline)) void All(const float* x, float* y, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    y[4 * i] = Exp(x[i]);
    y[4 * i + 1] = Log(x[i]);
    y[4 * i + 2] = Tanh(x[i]);
    y[4 * i + 3] = Sigmoid(x[i]);
  }
}

__attribute__((noinline)) void AllSse(const float* x, float* y, size_t n) { All(x, y, n); }
__attribute__((noinline, target("avx2,fma"))) void AllAvx2(const float* x, float* y, size_t n) {
  All(x, y, n);
}
__attribute__((noinline, target("avx512f"))) void AllAvx512(const float* x, float* y, size_t n) {
  All(x, y, n);
}

}  // namespace

TEST_CASE("the functions give the same bits at every vector width, with FMA and without") {
  const std::vector<float> x = Arguments();
  std::vector<float> narrow(4 * x.size()), wide(4 * x.size());
  AllSse(x.data(), narrow.data(), x.size());
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    AllAvx2(x.data(), wide.data(), x.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      if (std::isnan(narrow[i]) && std::isnan(wide[i])) wide[i] = narrow[i];
    }
    CHECK(std::memcmp(narrow.data(), wide.data(), wide.size() * sizeof(float)) == 0);
  }
  if (__builtin_cpu_supports("avx512f")) {
    AllAvx512(x.data(), wide.data(), x.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      if (std::isnan(narrow[i]) && std::isnan(wide[i])) wide[i] = narrow[i];
    }
    CHECK(std::memcmp(narrow.data(), wide.data(), wide.size() * sizeof(float)) == 0);
  }
}
#endif

}  // namespace paracord
