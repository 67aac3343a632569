// The gradient of one layer over a task's virtual workers: leaves come in any order from any
// thread, are added along the canonical tree, and leave as the fewest whole nodes. The bits are
// those of the tree, whoever came first.
#pragma once

#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/mutex.h"
#include "common/job/reduction_tree.h"
#include "common/job/tree_sum.h"
#include "worker/parameter_client.h"

namespace paracord {

class Bucket {
 public:
  // For `tensors` adjacent tensors and `leaves` virtual workers of this task.
  Bucket(size_t tensors, uint32_t leaves) : sums_(tensors), expected_(leaves) {}

  // One virtual worker's gradients, one payload a tensor. True: it was the last.
  bool Add(const ReductionTree& tree, uint32_t leaf, const std::vector<Payload>& gradients,
           BufferPool& pool) {
    MutexLock lock(mutex_);
    for (size_t i = 0; i < sums_.size(); ++i) {
      sums_[i].Add(tree, {leaf, leaf + 1}, gradients[i], pool);
    }
    return ++added_ == expected_;
  }

  // After the last Add: what to push. Empties the bucket for the next step.
  std::vector<ParameterClient::PartialSum> Take(const ReductionTree& tree, BufferPool& pool) {
    MutexLock lock(mutex_);
    std::vector<ParameterClient::PartialSum> out;
    for (TreeSum& sum : sums_) {
      size_t node = 0;
      for (TreeSum::Partial& partial : sum.TakeAll(tree, pool)) {
        if (node == out.size()) out.push_back({partial.node, {}});
        out[node++].tensors.push_back(std::move(partial.floats));
      }
    }
    added_ = 0;
    return out;
  }

 private:
  Mutex mutex_;
  std::vector<TreeSum> sums_ ABSL_GUARDED_BY(mutex_);  // one a tensor: all with the same nodes
  const uint32_t expected_;
  uint32_t added_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
