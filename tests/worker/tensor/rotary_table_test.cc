#include "worker/tensor/rotary_table.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

namespace paracord {
namespace {

// Largest distance from the exact values, computed in long double.
double WorstError(int64_t length, int64_t head_width, double base) {
  std::vector<float> table(static_cast<size_t>(length * head_width));
  FillRotaryTable(length, head_width, base, table.data());
  const int64_t half = head_width / 2;
  long double worst = 0;
  for (int64_t l = 0; l < length; ++l) {
    for (int64_t i = 0; i < half; ++i) {
      const long double power = -2.0L * static_cast<long double>(i) / head_width;
      const long double angle = static_cast<long double>(l) * std::pow<long double>(base, power);
      const auto at = static_cast<size_t>(l * head_width + i);
      worst = std::max(worst, std::abs(table[at] - std::cos(angle)));
      worst = std::max(worst, std::abs(table[at + static_cast<size_t>(half)] - std::sin(angle)));
    }
  }
  return static_cast<double>(worst);
}

}  // namespace

TEST_CASE("rotary angles are within 1e-7 of the exact ones") {
  CHECK(WorstError(1, 2, 10000) == 0);
  CHECK(WorstError(2048, 64, 10000) < 1e-7);
  CHECK(WorstError(300, 128, 500000) < 1e-7);
  CHECK(WorstError(100, 6, 1.5) < 1e-7);
  CHECK(WorstError(int64_t{1} << 20, 4, 10000) < 1e-7);
  CHECK(WorstError(int64_t{1} << 24, 2, 10000) < 1e-7);
}

TEST_CASE("rotary angles have these bits on every host") {
  std::vector<float> table(1000 * 32);
  FillRotaryTable(1000, 32, 10000, table.data());
  uint64_t hash = 14695981039346656037u;  // FNV-1a over the bits
  for (const float value : table) {
    hash = (hash ^ std::bit_cast<uint32_t>(value)) * 1099511628211u;
  }
  CHECK(hash == 0xB87731F928CC5FB6u);
}

}  // namespace paracord
