#include "common/job/key_range.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/job/job_spec.h"

namespace paracord {

BlockGrid::BlockGrid(std::vector<TensorSpec> tensors)
    : tensors_(std::move(tensors)), first_{0}, floats_before_{0} {
  for (uint32_t t = 0; t < tensors_.size(); ++t) {
    const uint64_t size = static_cast<uint64_t>(tensors_[t].size());
    for (uint64_t offset = 0; offset < size; offset += kBlockFloats) {
      const uint64_t floats = std::min(kBlockFloats, size - offset);
      blocks_.push_back({t, offset, static_cast<uint32_t>(floats)});
      floats_before_.push_back(floats_before_.back() + floats);
    }
    first_.push_back(blocks_.size());
  }
}

uint64_t BlockGrid::Floats(BlockRange range) const {
  return floats_before_[range.end] - floats_before_[range.begin];
}

FloatRange BlockGrid::FloatsOf(BlockRange range) const {
  return {floats_before_[range.begin], floats_before_[range.end]};
}

BlockRange BlockGrid::BlocksOver(FloatRange floats) const {
  if (floats.begin >= floats.end) return {};
  const auto after = std::upper_bound(floats_before_.begin(), floats_before_.end(), floats.begin);
  return {static_cast<uint64_t>(after - floats_before_.begin()) - 1, FirstBlockFrom(floats.end)};
}

uint64_t BlockGrid::FirstBlockFrom(uint64_t place) const {
  const auto first = std::lower_bound(floats_before_.begin(), floats_before_.end(), place);
  return std::min<uint64_t>(blocks(), static_cast<uint64_t>(first - floats_before_.begin()));
}

// Each cut is the block boundary nearest to its ideal place (the earlier of two), so it is off by
// half a block at most.
std::vector<BlockRange> BlockGrid::Cut(uint32_t parts) const {
  PARACORD_CHECK(parts > 0);
  const uint64_t total = floats_before_.back();
  std::vector<BlockRange> out;
  uint64_t begin = 0;
  for (uint64_t p = 1; p <= parts; ++p) {
    const uint64_t ideal = total / parts * p + total % parts * p / parts;
    const auto at = std::lower_bound(floats_before_.begin(), floats_before_.end(), ideal);
    uint64_t end = at - floats_before_.begin();
    if (end > begin && ideal - floats_before_[end - 1] <= floats_before_[end] - ideal) {
      --end;
    }
    out.push_back({begin, end});
    begin = end;
  }
  return out;
}

BlockGrid GridOf(const JobSpec& spec) {
  std::vector<TensorSpec> tensors = spec.model.tensors;
  TensorSpec metrics;
  metrics.name = "metrics";
  metrics.shape = {spec.MetricFloats()};
  metrics.kind = TensorKind::kSum;
  tensors.push_back(metrics);
  return BlockGrid(std::move(tensors));
}

}  // namespace paracord
