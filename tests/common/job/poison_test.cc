#include "common/job/poison.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

#include "common/job/tree_sum.h"

namespace paracord {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Payload Owned(const std::vector<float>& values) {
  auto owner = std::make_shared<const std::vector<float>>(values);
  return Payload(owner->data(), owner->size(), owner);
}

std::vector<float> Poison(size_t count) {
  std::vector<float> floats(count);
  PoisonFloats(floats.data(), count);
  return floats;
}

TEST_CASE("a total is poisoned if a slice of it is, in whatever order its slices come") {
  std::mt19937 random(5);
  BufferPool pool;
  for (uint32_t leaves = 1; leaves <= 9; ++leaves) {
    const ReductionTree tree(leaves);
    for (uint32_t bad = 0; bad <= leaves; ++bad) {  // `leaves`: none is
      std::vector<uint32_t> order(leaves);
      for (uint32_t i = 0; i < leaves; ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      TreeSum sum;
      for (const uint32_t leaf : order) {
        const std::vector<float> finite(5000, leaf % 2 == 0 ? 3e38f : -0.0f);
        sum.Add(tree, {leaf, leaf + 1}, Owned(leaf == bad ? Poison(5000) : finite), pool);
      }
      CAPTURE(leaves, bad);
      REQUIRE(sum.complete(tree));
      const TreeSum::Total total = sum.Take();
      CHECK((IsPoisoned(total.left) || IsPoisoned(total.right)) == (bad < leaves));
    }
  }
}

TEST_CASE("a sum that overflowed is not poisoned, nor is nothing at all") {
  CHECK_FALSE(IsPoisoned(Payload()));
  CHECK_FALSE(IsPoisoned(Owned({kInfinity, kInfinity})));
  std::vector<float> in_places = Poison(9000);
  CHECK(IsPoisoned(Owned(in_places)));
  in_places.back() = kInfinity;
  CHECK_FALSE(IsPoisoned(Owned(in_places)));
}

TEST_CASE("poison is seen in floats that gRPC has cut in the middle") {
  const std::vector<float> floats = Poison(3000);
  const auto bytes = std::make_shared<std::string>(
      std::string(1, 'x') +
      std::string(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)));
  Payload torn;
  torn.Append(bytes->data() + 1, 6, bytes);
  torn.Append(bytes->data() + 7, bytes->size() - 7, bytes);
  CHECK(IsPoisoned(torn));
}

}  // namespace
}  // namespace paracord
