#include "scheduler/job_needs.h"

#include <algorithm>

#include "common/job/optimizer.h"

namespace paracord {

JobNeeds::JobNeeds(const JobSpec& spec) : spec_(spec) {
  uint64_t floats = static_cast<uint64_t>(spec_.MetricFloats());
  for (const TensorSpec& tensor : spec_.model.tensors) {
    floats += static_cast<uint64_t>(tensor.size());
  }
  total_bytes_ = BytesOnServer(floats, spec_.optimizer.kind);
}

void JobNeeds::SetWorkers(uint32_t most, uint32_t least) {
  spec_.workers = most;
  spec_.min_workers = least;
}

void JobNeeds::LayOut() {
  if (!grid_.has_value()) grid_.emplace(GridOf(spec_));
}

std::vector<ShardNeed> JobNeeds::Cut(uint32_t servers) {
  LayOut();
  std::vector<ShardNeed> cut;
  for (const BlockRange& range : grid_->Cut(servers)) {
    if (range.size() > 0) cut.push_back({range, BytesOf(range)});
  }
  return cut;
}

uint64_t JobNeeds::BytesOf(BlockRange range) {
  LayOut();
  const uint64_t end = std::min(range.end, grid_->blocks());
  return BytesOnServer(grid_->Floats({std::min(range.begin, end), end}), spec_.optimizer.kind);
}

}  // namespace paracord
