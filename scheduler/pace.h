// How fast each task of a job computes: seconds a slice, from what its process has counted, as
// differences over the last seconds. Not thread-safe.
//
// A measure is taken over the shortest last stretch that has 2 s, 1 s of computing and 4 slices in
// it; a task that has not been measured for so long is unknown.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "common/base/timer.h"

namespace paracord {

class Pace {
 public:
  // What this incarnation of `rank` has counted since it began. Numbers that cannot be are ignored.
  void Add(uint32_t rank, uint64_t incarnation, double busy_seconds, uint64_t slices, TimePoint at);
  // Above 0; nullopt: not known yet.
  std::optional<double> SecondsASlice(uint32_t rank) const;
  // Of all `ranks`, in their order; nullopt: one of them is not known.
  std::optional<std::vector<double>> SecondsOf(const std::vector<uint32_t>& ranks) const;
  void Clear() { tracks_.clear(); }

 private:
  struct Point {
    TimePoint at;
    double busy_seconds;
    uint64_t slices;
  };
  struct Track {
    uint64_t incarnation = 0;
    std::deque<Point> points;
  };
  static bool Suffices(const Point& from, const Point& to);

  std::map<uint32_t, Track> tracks_;
};

}  // namespace paracord
