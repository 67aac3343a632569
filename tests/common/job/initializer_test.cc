#include "common/job/initializer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <vector>

#include "common/base/philox.h"

namespace paracord {
namespace {

TensorSpec Uniform(const std::string& name, float bound) {
  TensorSpec tensor;
  tensor.name = name;
  tensor.shape = {100, 1000};
  tensor.initializer = {InitializerSpec::Kind::kUniform, bound};
  return tensor;
}

std::vector<float> Values(uint64_t seed, const TensorSpec& tensor, uint64_t offset,
                          uint64_t count) {
  std::vector<float> out(count);
  FirstValues(seed, tensor, offset, count, out.data());
  return out;
}

TEST_CASE("zero and one are zero and one") {
  TensorSpec tensor = Uniform("w", 1);
  tensor.initializer.kind = InitializerSpec::Kind::kZero;
  CHECK(Values(1, tensor, 5, 9) == std::vector<float>(9, 0.0f));
  tensor.initializer.kind = InitializerSpec::Kind::kOne;
  CHECK(Values(1, tensor, 5, 9) == std::vector<float>(9, 1.0f));
}

TEST_CASE("element i is word i mod 4 of Philox block i / 4 under the key of seed and name") {
  // 0x85944171f73967e8: the published 64-bit FNV-1a hash of "foobar".
  const uint64_t key = MixKey(17, 0x85944171f73967e8ull);
  const std::vector<float> values = Values(17, Uniform("foobar", 0.25f), 0, 100);
  for (uint64_t i = 0; i < values.size(); ++i) {
    const double unit = (Philox(key, 0, i / 4)[i % 4] >> 8) / 16777216.0;
    CHECK(values[i] == static_cast<float>(0.25 * (2 * unit - 1)));
  }
}

TEST_CASE("any block by itself equals that part of the whole") {
  const TensorSpec tensor = Uniform("0.weight", 0.1f);
  const std::vector<float> whole = Values(3, tensor, 0, 5000);
  const uint32_t seed = 18;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    const uint64_t offset = random() % 5001;
    const uint64_t count = random() % (5001 - offset);
    const auto begin = whole.begin() + offset;
    CAPTURE(offset, count);
    CHECK(Values(3, tensor, offset, count) == std::vector<float>(begin, begin + count));
  }
}

TEST_CASE("uniform values fill [-bound, bound) evenly") {
  const float bound = 0.3f;
  const std::vector<float> values = Values(4, Uniform("w", bound), 0, 100000);
  CHECK(*std::min_element(values.begin(), values.end()) >= -bound);
  CHECK(*std::max_element(values.begin(), values.end()) < bound);
  std::vector<int> bins(20);
  for (const float value : values) ++bins[static_cast<int>((value + bound) / (2 * bound) * 20)];
  // 5000 are expected in each, give or take 6 standard deviations of 69.
  CHECK(*std::min_element(bins.begin(), bins.end()) > 5000 - 6 * 69);
  CHECK(*std::max_element(bins.begin(), bins.end()) < 5000 + 6 * 69);
}

TEST_CASE("another seed or another name gives other values") {
  const std::vector<float> values = Values(5, Uniform("0.weight", 1), 0, 64);
  CHECK(values != Values(6, Uniform("0.weight", 1), 0, 64));
  CHECK(values != Values(5, Uniform("2.weight", 1), 0, 64));
}

TEST_CASE("elements beyond 2^34 do not repeat the first ones") {
  const TensorSpec tensor = Uniform("huge", 1);
  CHECK(Values(7, tensor, uint64_t{1} << 34, 64) != Values(7, tensor, 0, 64));
}

}  // namespace
}  // namespace paracord
