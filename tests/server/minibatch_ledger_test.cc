#include "server/minibatch_ledger.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

namespace paracord {
namespace {

TEST_CASE("a minibatch that is added again, alone or in a sum, is counted once") {
  MinibatchLedger ledger(4);
  ledger.Add(2, {1, 2});
  ledger.Add(2, {0, 2});
  ledger.Add(2, {0, 2});
  CHECK(ledger.count() == 2);
  CHECK(ledger.Count(2, {0, 4}) == 2);
  CHECK(ledger.Count(2, {1, 3}) == 1);
  CHECK(ledger.Count(3, {0, 4}) == 0);
}

TEST_CASE("a step is whole when it has all of its slices, and no sooner") {
  MinibatchLedger ledger(4);
  CHECK_FALSE(ledger.Whole(0));
  ledger.Add(0, {2, 4});
  ledger.Add(0, {0, 1});
  CHECK_FALSE(ledger.Whole(0));
  ledger.Add(0, {1, 2});
  CHECK(ledger.Whole(0));
  CHECK_FALSE(ledger.Whole(1));
}

TEST_CASE("a dropped step takes just its own minibatches along") {
  MinibatchLedger ledger(4);
  ledger.Add(5, {0, 4});
  ledger.Add(7, {1, 2});
  ledger.Drop(6);
  ledger.Drop(5);
  CHECK(ledger.count() == 1);
  CHECK(ledger.newest_step() == 7);
  ledger.Drop(7);
  CHECK(ledger.count() == 0);
  CHECK(ledger.newest_step() == 0);
}

TEST_CASE("whatever is added and dropped, the ledger says what a plain set says") {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const uint32_t slices = 1 + random() % 6;
    MinibatchLedger ledger(slices);
    std::set<uint64_t> plain;
    for (int i = 0; i < 60; ++i) {
      const uint64_t step = random() % 5;
      if (random() % 8 == 0) {
        ledger.Drop(step);
        plain.erase(plain.lower_bound(step * slices), plain.lower_bound((step + 1) * slices));
      } else {
        const auto begin = static_cast<uint32_t>(random() % slices);
        const auto end = static_cast<uint32_t>(begin + 1 + random() % (slices - begin));
        ledger.Add(step, {begin, end});
        for (uint32_t slice = begin; slice < end; ++slice) plain.insert(step * slices + slice);
      }
      REQUIRE(ledger.count() == plain.size());
      const std::vector<uint64_t> expected(plain.begin(), plain.end());
      REQUIRE(ledger.List() == expected);
      std::vector<uint64_t> visited;
      ledger.ForEach([&](uint64_t s, uint32_t slice) { visited.push_back(s * slices + slice); });
      REQUIRE(visited == expected);
      REQUIRE(ledger.newest_step() == (plain.empty() ? 0 : *plain.rbegin() / slices));
    }
  }
}

}  // namespace
}  // namespace paracord
