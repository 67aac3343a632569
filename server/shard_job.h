// What the shards of one job share.
#pragma once

#include <string>
#include <utility>

#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/reduction_tree.h"

namespace paracord {

// Immutable.
struct ShardJob {
  ShardJob(std::string job_id, JobSpec job_spec)
      : id(std::move(job_id)),
        spec(std::move(job_spec)),
        grid(GridOf(spec)),
        tree(spec.virtual_workers) {}
  const std::string id;
  const JobSpec spec;
  const BlockGrid grid;
  const ReductionTree tree;
};

}  // namespace paracord
