#include "common/job/poison.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paracord {
namespace {

constexpr size_t kChunk = 2048;  // floats

}  // namespace

void PoisonFloats(float* floats, size_t count) {
  std::fill_n(floats, count, std::numeric_limits<float>::quiet_NaN());
}

bool IsPoisoned(const Payload& sum) {
  size_t left = sum.size() / sizeof(float);
  if (left == 0) return false;
  Payload::Reader reader(sum);
  float scratch[kChunk];
  size_t chunk = 1;  // nearly always the only float that is looked at
  while (left > 0) {
    const float* floats = reader.Next(chunk, scratch);
    if (!std::all_of(floats, floats + chunk, [](float f) { return std::isnan(f); })) return false;
    left -= chunk;
    chunk = std::min(left, kChunk);
  }
  return true;
}

}  // namespace paracord
