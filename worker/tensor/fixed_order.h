// Sums and maxima over a row whose order is part of their definition: element i goes to lane i mod
// 16, each lane in order of i, then the lanes are combined by halves. So the loops are vectorised
// and the bits are the same at any width.
#pragma once

#include <cstdint>
#include <limits>

namespace paracord {

inline constexpr int kLanes = 16;

// Combines lanes[0..16) by halves (8, 4, 2, 1) with `combine(a, b)`.
template <typename T, typename Combine>
inline T CombineLanes(T* lanes, Combine combine) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) lanes[j] = combine(lanes[j], lanes[j + half]);
  }
  return lanes[0];
}

// Sum of element(i) for i in [0, count), in T.
template <typename T, typename Element>
inline T LaneSum(int64_t count, Element element) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += element(i + j);
  }
  for (int j = 0; i + j < count; ++j) lanes[j] += element(i + j);
  return CombineLanes(lanes, [](T a, T b) { return a + b; });
}

// The largest of x[0..count); -inf for none. NaNs are passed over.
inline float LaneMax(const float* x, int64_t count) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  }
  for (int j = 0; i + j < count; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  return CombineLanes(lanes, [](float a, float b) { return b > a ? b : a; });
}

}  // namespace paracord
