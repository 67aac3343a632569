// What a job asks of a cluster, worked out from its spec and from what people have set since:
// slots, consistency, device, and memory by server. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/job/job_spec.h"
#include "common/job/key_range.h"

namespace paracord {

struct ShardNeed {
  BlockRange range;
  uint64_t bytes = 0;  // of memory: BytesOnServer
};

class JobNeeds {
 public:
  explicit JobNeeds(const JobSpec& spec);

  // Tasks, backups not counted: at most, and to start with at least.
  uint32_t workers() const { return spec_.workers; }
  uint32_t min_workers() const { return spec_.min_workers; }
  void SetWorkers(uint32_t most, uint32_t least);
  const ConsistencySpec& consistency() const { return spec_.consistency; }
  void SetConsistency(const ConsistencySpec& spec) { spec_.consistency = spec; }
  bool balance() const { return spec_.balance; }
  uint32_t virtual_workers() const { return spec_.virtual_workers; }
  DeviceKind device() const { return spec_.device; }
  // On all servers together. Known without laying out the grid, which for a hostile model would be
  // large.
  uint64_t total_bytes() const { return total_bytes_; }
  // One range a server, in block order, as even as blocks allow; ranges that would be empty are
  // left out, so there may be fewer than `servers`.
  std::vector<ShardNeed> Cut(uint32_t servers);
  // Of one range. Blocks past the grid's end count nothing.
  uint64_t BytesOf(BlockRange range);

 private:
  void LayOut();

  JobSpec spec_;
  uint64_t total_bytes_ = 0;
  std::optional<BlockGrid> grid_;
};

}  // namespace paracord
