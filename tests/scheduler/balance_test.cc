#include "scheduler/balance.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <numeric>
#include <random>

#include "scheduler/pace.h"

namespace paracord {
namespace {

using Counts = std::vector<uint32_t>;

// The shortest step of all cuts there are.
double ShortestStep(uint32_t slices, const std::vector<double>& seconds) {
  double shortest = 1e300;
  Counts counts(seconds.size());
  const std::function<void(size_t, uint32_t)> fill = [&](size_t task, uint32_t left) {
    if (task + 1 == counts.size()) {
      counts[task] = left;
      shortest = std::min(shortest, StepSeconds(counts, seconds));
      return;
    }
    const auto after = static_cast<uint32_t>(counts.size() - task - 1);
    for (uint32_t count = 1; count + after <= left; ++count) {
      counts[task] = count;
      fill(task + 1, left - count);
    }
  };
  fill(0, slices);
  return shortest;
}

TEST_CASE("no cut makes a step shorter than the cut by speed") {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    std::vector<double> seconds(1 + random() % 4);
    for (double& one : seconds) one = 0.01 * static_cast<double>(1 + random() % 50);
    const auto slices = static_cast<uint32_t>(seconds.size() + random() % 10);
    const Counts counts = CutBySpeed(slices, seconds);
    INFO("seed " << seed);
    CHECK(std::accumulate(counts.begin(), counts.end(), 0u) == slices);
    CHECK(*std::min_element(counts.begin(), counts.end()) >= 1);
    CHECK(StepSeconds(counts, seconds) == ShortestStep(slices, seconds));
  }
}

TEST_CASE("a task that is three times slower gets fewer slices, and one at least") {
  CHECK(CutBySpeed(8, {1, 1, 1, 3}) == Counts{3, 2, 2, 1});
  CHECK(CutBySpeed(10, {1, 1, 1, 3}) == Counts{3, 3, 3, 1});
  CHECK(CutBySpeed(3, {1, 1, 100}) == Counts{1, 1, 1});
  CHECK(CutBySpeed(8, {1}) == Counts{8});
  CHECK(CutBySpeed(8, {1, 1}) == Counts{4, 4});
}

TEST_CASE("a move is worth its plan when the step becomes shorter by a tenth") {
  CHECK(IsWorthMoving({2, 2, 2, 2}, {3, 2, 2, 1}, {1, 1, 1, 3}));
  CHECK_FALSE(IsWorthMoving({4, 4}, {5, 3}, {1, 1}));
  CHECK_FALSE(IsWorthMoving({10, 10}, {11, 9}, {1, 1.15}));  // 11 instead of 11.5
  CHECK(IsWorthMoving({10, 10}, {12, 8}, {1, 1.5}));         // 12 instead of 15
}

TimePoint At(int ms) { return TimePoint() + std::chrono::hours(1) + milliseconds(ms); }

TEST_CASE("a task's pace is measured over two seconds, a second of computing and four slices") {
  Pace pace;
  pace.Add(0, 1, 0.5, 10, At(0));
  CHECK_FALSE(pace.SecondsASlice(0).has_value());
  pace.Add(0, 1, 1.6, 21, At(1000));
  CHECK_FALSE(pace.SecondsASlice(0).has_value());  // too soon
  pace.Add(0, 1, 2.5, 30, At(2000));
  CHECK(*pace.SecondsASlice(0) == Approx(0.1));
  pace.Add(1, 1, 0.1, 10, At(0));
  pace.Add(1, 1, 0.9, 20, At(2500));
  CHECK_FALSE(pace.SecondsASlice(1).has_value());  // too little work
  CHECK_FALSE(pace.SecondsOf({0, 1}).has_value());
  pace.Add(1, 1, 1.3, 16 + 10, At(5000));
  CHECK(pace.SecondsOf({0, 1})->at(1) == Approx(1.2 / 16));
}

TEST_CASE("what was long ago does not count, nor what another process did, nor nonsense") {
  Pace pace;
  pace.Add(0, 1, 1, 1, At(0));
  for (int second = 1; second <= 10; ++second) {
    pace.Add(0, 1, 1 + second, 1 + 10u * static_cast<uint32_t>(second), At(1000 * second));
  }
  for (int second = 11; second <= 14; ++second) {  // from here on two a second
    pace.Add(0, 1, 1 + second, 101 + 2u * static_cast<uint32_t>(second - 10), At(1000 * second));
  }
  CHECK(*pace.SecondsASlice(0) == Approx(0.5));
  pace.Add(0, 1, std::nan(""), 1000, At(15000));
  CHECK(*pace.SecondsASlice(0) == Approx(0.5));
  pace.Add(0, 2, 20, 2000, At(16000));
  CHECK_FALSE(pace.SecondsASlice(0).has_value());
  pace.Add(0, 2, 1, 3000, At(19000));  // less than before: it began anew
  CHECK_FALSE(pace.SecondsASlice(0).has_value());
}

}  // namespace
}  // namespace paracord
