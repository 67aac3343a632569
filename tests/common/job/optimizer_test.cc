#include "common/job/optimizer.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace paracord {

#ifdef PARACORD_TEST_WIDTHS
// optimizer.cc built once more for each vector width (tests/CMakeLists.txt).
#define DECLARE_WIDTH(width)                                                 \
  void ApplyUpdate_##width(const UpdateStep&, const UpdateBuffers&, size_t); \
  void AddFloats_##width(const float*, const float*, float*, size_t);        \
  void AddSquares_##width(const float*, const float*, size_t, double*);
DECLARE_WIDTH(sse2)
DECLARE_WIDTH(avx2)
DECLARE_WIDTH(avx512f)
#undef DECLARE_WIDTH
#endif

namespace {

using Kind = OptimizerSpec::Kind;
using Floats = std::vector<float>;

struct Rule {
  std::string name;
  OptimizerSpec spec;
};

std::vector<Rule> AllRules() {
  const std::vector<std::pair<std::string, Kind>> kinds = {
      {"sgd", Kind::kSgd},         {"momentum", Kind::kMomentum}, {"adagrad", Kind::kAdagrad},
      {"rmsprop", Kind::kRmsprop}, {"adam", Kind::kAdam},         {"adamw", Kind::kAdamw}};
  std::vector<Rule> out;
  for (const auto& [name, kind] : kinds) {
    for (const double decay : {0.0, 0.01}) {
      OptimizerSpec spec;
      spec.kind = kind;
      spec.lr = 0.05;
      spec.weight_decay = decay;
      out.push_back({name + (decay > 0 ? " with weight decay" : ""), spec});
      if (kind != Kind::kMomentum) continue;
      spec.nesterov = true;
      out.push_back({"nesterov" + std::string(decay > 0 ? " with weight decay" : ""), spec});
    }
  }
  return out;
}

Floats RandomFloats(size_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  Floats out(count);
  for (float& value : out) value = normal(random);
  return out;
}

bool SameBits(const Floats& a, const Floats& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
  });
}

// Weights and both states of one version.
struct Version {
  Floats weights, state1, state2;
  bool operator==(const Version& other) const {
    return SameBits(weights, other.weights) && SameBits(state1, other.state1) &&
           SameBits(state2, other.state2);
  }
};

UpdateBuffers Buffers(const Version& from, Version& to, const float* left, const float* right) {
  return {left,
          right,
          from.weights.data(),
          to.weights.data(),
          from.state1.data(),
          to.state1.data(),
          from.state2.data(),
          to.state2.data()};
}

using Apply = void (*)(const UpdateStep&, const UpdateBuffers&, size_t);

// `steps` steps from `start` with gradients drawn from `seed`, `right` present at every second one.
Version Train(Apply apply, const OptimizerSpec& spec, Version version, int steps, uint32_t seed) {
  std::mt19937 random(seed);
  const size_t count = version.weights.size();
  for (int t = 0; t < steps; ++t) {
    const Floats left = RandomFloats(count, random), right = RandomFloats(count, random);
    Version next = version;
    apply(PrepareUpdate(spec, t, steps),
          Buffers(version, next, left.data(), t % 2 ? right.data() : nullptr), count);
    version = next;
  }
  return version;
}

Version Start(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  return {RandomFloats(count, random), Floats(count), Floats(count)};
}

// A value that the compiler can neither keep in a wider register nor contract with what follows.
float F(float value) {
  volatile float stored = value;
  return stored;
}

// The same arithmetic, one float operation a call of F.
void ScalarUpdate(const UpdateStep& s, const UpdateBuffers& b, size_t count) {
  const bool adamw = s.kind == Kind::kAdamw;
  for (size_t i = 0; i < count; ++i) {
    const float w = b.weights_in[i];
    float g = b.right == nullptr ? b.left[i] : F(b.left[i] + b.right[i]);
    g = F(g + F((adamw ? 0 : s.weight_decay) * w));
    if (s.kind == Kind::kSgd) {
      b.weights_out[i] = F(w - F(s.lr * g));
    } else if (s.kind == Kind::kMomentum) {
      const float v = b.state1_out[i] = F(F(s.momentum * b.state1_in[i]) + g);
      const float direction = s.nesterov ? F(g + F(s.momentum * v)) : v;
      b.weights_out[i] = F(w - F(s.lr * direction));
    } else if (s.kind == Kind::kAdagrad || s.kind == Kind::kRmsprop) {
      const float square = F(g * g), v_in = b.state1_in[i];
      const float v = s.kind == Kind::kAdagrad ? F(v_in + square)
                                               : F(F(s.beta2 * v_in) + F(F(1 - s.beta2) * square));
      b.state1_out[i] = v;
      b.weights_out[i] = F(w - F(F(s.lr * g) / F(F(std::sqrt(v)) + s.epsilon)));
    } else {
      const float m = F(F(s.beta1 * b.state1_in[i]) + F(F(1 - s.beta1) * g));
      const float v = F(F(s.beta2 * b.state2_in[i]) + F(F(1 - s.beta2) * F(g * g)));
      const float root = F(std::sqrt(s.correction2));
      const float rate = F(F(s.lr * root) / s.correction1);
      const float kept = adamw ? F(w - F(F(s.lr * s.weight_decay) * w)) : w;
      b.state1_out[i] = m;
      b.state2_out[i] = v;
      b.weights_out[i] = F(kept - F(F(rate * m) / F(F(std::sqrt(v)) + F(s.epsilon * root))));
    }
  }
}

// One weight's life in double, written as in the papers (optimizer.h).
double TextbookWeight(const OptimizerSpec& s, double w, const std::vector<double>& gradients) {
  double m = 0, v = 0;
  for (size_t t = 0; t < gradients.size(); ++t) {
    const double lr = s.lr;
    const double g = gradients[t] + (s.kind == Kind::kAdamw ? 0 : s.weight_decay * w);
    switch (s.kind) {
      case Kind::kSgd:
        w -= lr * g;
        break;
      case Kind::kMomentum:
        m = s.momentum * m + g;
        w -= lr * (s.nesterov ? g + s.momentum * m : m);
        break;
      case Kind::kAdagrad:
        v += g * g;
        w -= lr * g / (std::sqrt(v) + s.epsilon);
        break;
      case Kind::kRmsprop:
        v = s.beta2 * v + (1 - s.beta2) * g * g;
        w -= lr * g / (std::sqrt(v) + s.epsilon);
        break;
      case Kind::kAdam:
      case Kind::kAdamw: {
        m = s.beta1 * m + (1 - s.beta1) * g;
        v = s.beta2 * v + (1 - s.beta2) * g * g;
        const double m_hat = m / (1 - std::pow(s.beta1, t + 1.0));
        const double v_hat = v / (1 - std::pow(s.beta2, t + 1.0));
        if (s.kind == Kind::kAdamw) w -= lr * s.weight_decay * w;
        w -= lr * m_hat / (std::sqrt(v_hat) + s.epsilon);
        break;
      }
    }
  }
  return w;
}

TEST_CASE("every update rule follows its paper over 50 steps") {
  constexpr int kSteps = 50;
  constexpr size_t kCount = 67;
  for (const Rule& rule : AllRules()) {
    for (const double epsilon : {1e-8, 0.1}) {
      OptimizerSpec spec = rule.spec;
      spec.epsilon = epsilon;
      std::mt19937 random(5);
      Version version = Start(kCount, 6);
      const Floats first = version.weights;
      std::vector<std::vector<double>> gradients(kCount);
      for (int t = 0; t < kSteps; ++t) {
        const Floats left = RandomFloats(kCount, random), right = RandomFloats(kCount, random);
        ApplyUpdate(PrepareUpdate(spec, t, kSteps),
                    Buffers(version, version, left.data(), right.data()), kCount);
        for (size_t i = 0; i < kCount; ++i) gradients[i].push_back(double{left[i]} + right[i]);
      }
      for (size_t i = 0; i < kCount; ++i) {
        CAPTURE(rule.name, epsilon, i);
        CHECK(version.weights[i] ==
              Approx(TextbookWeight(spec, first[i], gradients[i])).epsilon(2e-5).margin(2e-5));
      }
    }
  }
}

TEST_CASE("every update rule gives the bits of the plain scalar loop, at every length") {
  for (const Rule& rule : AllRules()) {
    for (size_t count = 0; count <= 70; ++count) {
      const Version start = Start(count, 7);
      CAPTURE(rule.name, count);
      CHECK(Train(ApplyUpdate, rule.spec, start, 6, 8) ==
            Train(ScalarUpdate, rule.spec, start, 6, 8));
    }
    const Version start = Start(16384 + 3, 9);
    CHECK(Train(ApplyUpdate, rule.spec, start, 3, 10) ==
          Train(ScalarUpdate, rule.spec, start, 3, 10));
  }
}

#ifdef PARACORD_TEST_WIDTHS
TEST_CASE("squares are added in one order at every vector width, of one operand or of two") {
  using Add = void (*)(const float*, const float*, size_t, double*);
  std::vector<Add> widths = {AddSquares, AddSquares_sse2};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    widths.push_back(AddSquares_avx2);
  }
  if (__builtin_cpu_supports("avx512f")) widths.push_back(AddSquares_avx512f);
  for (const size_t count : {0, 1, 7, 8, 16, 31, 1000, 4099}) {
    std::mt19937 random(19);
    const Floats left = RandomFloats(count, random), right = RandomFloats(count, random);
    Floats sum(count);
    double expected[kSquareLanes] = {1, 2};
    for (size_t i = 0; i < count; ++i) {
      sum[i] = F(left[i] + right[i]);
      const double square = static_cast<double>(sum[i]) * sum[i];
      expected[i % kSquareLanes] += square;
    }
    for (const Add add : widths) {
      double one[kSquareLanes] = {1, 2}, two[kSquareLanes] = {1, 2};
      add(sum.data(), nullptr, count, one);
      add(left.data(), right.data(), count, two);
      CAPTURE(count);
      CHECK(std::memcmp(one, expected, sizeof(one)) == 0);
      CHECK(std::memcmp(two, expected, sizeof(two)) == 0);
    }
  }
}

TEST_CASE("every update rule gives the same bits at every vector width that this host has") {
  struct Width {
    std::string name;
    bool here;
    Apply apply;
  };
  const std::vector<Width> widths = {
      {"sse2", true, ApplyUpdate_sse2},
      {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), ApplyUpdate_avx2},
      {"avx512f", static_cast<bool>(__builtin_cpu_supports("avx512f")), ApplyUpdate_avx512f}};
  for (const Rule& rule : AllRules()) {
    for (const size_t count : {1, 7, 16, 31, 1000, 4099}) {
      const Version start = Start(count, 11);
      const Version expected = Train(ScalarUpdate, rule.spec, start, 4, 12);
      for (const Width& width : widths) {
        if (!width.here) continue;
        CAPTURE(rule.name, count, width.name);
        CHECK(Train(width.apply, rule.spec, start, 4, 12) == expected);
      }
    }
  }
}
#endif

TEST_CASE("in place gives the same bits as out of place, also into the gradient's own buffers") {
  constexpr size_t kCount = 1003;
  for (const Rule& rule : AllRules()) {
    std::mt19937 random(13);
    Version version = Start(kCount, 14);
    version.state1 = version.state2 = Floats(kCount, 0.25f);
    Floats left = RandomFloats(kCount, random);
    const Floats right = RandomFloats(kCount, random);
    const UpdateStep step = PrepareUpdate(rule.spec, 3, 10);

    Version expected = version, into_gradient = version;
    ApplyUpdate(step, Buffers(version, expected, left.data(), right.data()), kCount);
    const Version before = version;
    UpdateBuffers buffers = Buffers(before, into_gradient, left.data(), right.data());
    buffers.weights_out = left.data();
    ApplyUpdate(step, Buffers(version, version, left.data(), right.data()), kCount);
    ApplyUpdate(step, buffers, kCount);
    CAPTURE(rule.name);
    CHECK(version == expected);
    CHECK(SameBits(left, expected.weights));
  }
}

TEST_CASE("the fused addition is the addition alone followed by the update") {
  constexpr size_t kCount = 517;
  for (const Rule& rule : AllRules()) {
    std::mt19937 random(15);
    const Version start = Start(kCount, 16);
    const Floats left = RandomFloats(kCount, random), right = RandomFloats(kCount, random);
    Floats sum(kCount);
    AddFloats(left.data(), right.data(), sum.data(), kCount);
    Version fused = start, apart = start;
    const UpdateStep step = PrepareUpdate(rule.spec, 0, 10);
    ApplyUpdate(step, Buffers(start, fused, left.data(), right.data()), kCount);
    ApplyUpdate(step, Buffers(start, apart, sum.data(), nullptr), kCount);
    CAPTURE(rule.name);
    CHECK(fused == apart);
  }
}

TEST_CASE("sgd and a rule with one state leave the unused state pointers alone") {
  float weight = 1, gradient = 0.5f, state = 0;
  OptimizerSpec spec;
  spec.lr = 0.5;
  ApplyUpdate(PrepareUpdate(spec, 0, 1),
              {&gradient, nullptr, &weight, &weight, nullptr, nullptr, nullptr, nullptr}, 1);
  CHECK(weight == 0.75f);
  spec.kind = Kind::kMomentum;
  ApplyUpdate(PrepareUpdate(spec, 0, 1),
              {&gradient, nullptr, &weight, &weight, &state, &state, nullptr, nullptr}, 1);
  CHECK(weight == 0.5f);
  CHECK(state == 0.5f);
}

TEST_CASE("floats are added element by element, also into either operand, -0 included") {
  for (size_t count = 0; count <= 70; ++count) {
    std::mt19937 random(17);
    Floats left = RandomFloats(count, random), right = RandomFloats(count, random);
    if (count > 0) left[0] = right[0] = -0.0f;
    Floats expected(count);
    for (size_t i = 0; i < count; ++i) expected[i] = F(left[i] + right[i]);
    Floats to(count), into_left = left, into_right = right;
    AddFloats(left.data(), right.data(), to.data(), count);
    AddFloats(into_left.data(), right.data(), into_left.data(), count);
    AddFloats(left.data(), into_right.data(), into_right.data(), count);
    CAPTURE(count);
    CHECK(SameBits(to, expected));
    CHECK(SameBits(into_left, expected));
    CHECK(SameBits(into_right, expected));
  }
}

}  // namespace
}  // namespace paracord
