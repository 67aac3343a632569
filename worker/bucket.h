// The gradients of adjacent tensors over a task's virtual workers: leaves come in any order from
// any thread, are added along the canonical tree, and leave as the fewest whole nodes. The bits are
// those of the tree, whoever came first.
#pragma once

#include <algorithm>
#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/mutex.h"
#include "common/job/model_spec.h"
#include "common/job/reduction_tree.h"
#include "common/job/tree_sum.h"
#include "worker/parameter_client.h"

namespace paracord {

struct TensorRun {
  uint32_t first = 0, count = 0;
  uint32_t end() const { return first + count; }
};

// Which tensors travel together, from the front of the model: each layer for itself, but a layer
// with less than 64 KiB of gradients waits for the one before it, which backward reaches next.
inline std::vector<TensorRun> RunsOf(const ModelSpec& model) {
  constexpr int64_t kSmallestRun = (64 << 10) / sizeof(float);
  std::vector<TensorRun> runs;
  int64_t floats = kSmallestRun;  // of the run that may still grow
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer) {
    if (layer->tensor_count == 0) continue;
    if (floats >= kSmallestRun) {
      runs.push_back({layer->first_tensor + layer->tensor_count, 0});
      floats = 0;
    }
    runs.back().first -= layer->tensor_count;
    runs.back().count += layer->tensor_count;
    for (uint32_t i = 0; i < layer->tensor_count; ++i) {
      floats += model.tensors[layer->first_tensor + i].size();
    }
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

class Bucket {
 public:
  // For the gradients of `run` and `leaves` virtual workers of this task.
  Bucket(TensorRun run, uint32_t leaves) : run_(run), sums_(run.count), expected_(leaves) {}

  const TensorRun& run() const { return run_; }

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
  const TensorRun run_;
  Mutex mutex_;
  std::vector<TreeSum> sums_ ABSL_GUARDED_BY(mutex_);  // one a tensor: all with the same nodes
  const uint32_t expected_;
  uint32_t added_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paracord
