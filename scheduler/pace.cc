#include "scheduler/pace.h"

#include <cmath>

namespace paracord {
namespace {

constexpr Duration kWindow = seconds(2);
constexpr double kBusySeconds = 1;
constexpr uint64_t kSlices = 4;
constexpr Duration kSpacing = milliseconds(100);  // of points; what comes in between is not kept
constexpr size_t kMostPoints = 1200;

}  // namespace

bool Pace::Suffices(const Point& from, const Point& to) {
  return to.at - from.at >= kWindow && to.busy_seconds - from.busy_seconds >= kBusySeconds &&
         to.slices - from.slices >= kSlices;
}

void Pace::Add(uint32_t rank, uint64_t incarnation, double busy_seconds, uint64_t slices,
               TimePoint at) {
  if (!std::isfinite(busy_seconds) || busy_seconds <= 0) return;
  Track& track = tracks_[rank];
  auto& points = track.points;
  const bool fell = !points.empty() &&
                    (slices < points.back().slices || busy_seconds < points.back().busy_seconds);
  if (track.incarnation != incarnation || fell) points.clear();
  track.incarnation = incarnation;
  if (!points.empty() && at < points.back().at + kSpacing) return;
  points.push_back({at, busy_seconds, slices});
  while (points.size() > 2 && Suffices(points[1], points.back())) points.pop_front();
  if (points.size() > kMostPoints) points.pop_front();
}

std::optional<double> Pace::SecondsASlice(uint32_t rank) const {
  const auto found = tracks_.find(rank);
  if (found == tracks_.end() || found->second.points.empty()) return std::nullopt;
  const Point& from = found->second.points.front();
  const Point& to = found->second.points.back();
  if (!Suffices(from, to)) return std::nullopt;
  return (to.busy_seconds - from.busy_seconds) / static_cast<double>(to.slices - from.slices);
}

std::optional<std::vector<double>> Pace::SecondsOf(const std::vector<uint32_t>& ranks) const {
  std::vector<double> all;
  for (uint32_t rank : ranks) {
    const auto seconds = SecondsASlice(rank);
    if (!seconds.has_value()) return std::nullopt;
    all.push_back(*seconds);
  }
  return all;
}

}  // namespace paracord
