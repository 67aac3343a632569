#include "scheduler/job_needs.h"

#include <algorithm>

#include "common/job/optimizer.h"

namespace paracord {

JobNeeds::JobNeeds(const JobSpec& spec)
    : spec_(spec),
      bytes_a_float_(sizeof(float) * (3 + StateFloats(spec.optimizer.kind))),
      total_bytes_(0) {
  for (const TensorSpec& tensor : spec_.model.tensors) {
    if (tensor.kind != TensorKind::kSum) {
      total_bytes_ += static_cast<uint64_t>(tensor.size()) * bytes_a_float_;
    }
  }
}

void JobNeeds::LayOut() {
  if (grid_.has_value()) return;
  grid_.emplace(GridOf(spec_));
  bytes_before_ = {0};
  for (uint64_t block = 0; block < grid_->blocks(); ++block) {
    const bool kept = grid_->kind(block) != TensorKind::kSum;
    bytes_before_.push_back(bytes_before_.back() +
                            (kept ? grid_->block(block).floats * bytes_a_float_ : 0));
  }
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
  return bytes_before_[end] - bytes_before_[std::min(range.begin, end)];
}

}  // namespace paracord
