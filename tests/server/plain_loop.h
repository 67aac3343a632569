// What training must come to, whatever the cluster: one loop over steps, one recursive sum over the
// slices, one update. The "model" is a made-up gradient that depends on step, slice and weights, so
// that a wrong version anywhere shows in all later ones.
#pragma once

#include <cstring>
#include <vector>

#include "common/base/philox.h"
#include "common/job/initializer.h"
#include "common/job/optimizer.h"
#include "server/parameter_shard.h"

namespace paracord {

// What virtual worker `slice` sends for `block` at `step`; `weights` are the block's at `step`.
inline std::vector<float> LeafOf(const ShardJob& job, uint64_t step, uint32_t slice, uint64_t block,
                                 const std::vector<float>& weights) {
  const bool metrics = job.grid.kind(block) == TensorKind::kSum;
  std::vector<float> leaf(weights.size());
  for (size_t i = 0; i < leaf.size(); ++i) {
    const float noise = ToUnitFloat(Philox(step, slice, block * 100'003 + i)[0]) - 0.5f;
    leaf[i] = metrics ? noise : noise + 0.3f * weights[i];
  }
  return leaf;
}

// The canonical sum of `leaf(slice)` over the slices of `node`, by definition.
template <class Leaf>
std::vector<float> CanonicalSum(const TreeNode& node, const Leaf& leaf) {
  if (node.leaves() == 1) return leaf(node.begin);
  uint32_t half = 1;
  while (half * 2 < node.leaves()) half *= 2;
  std::vector<float> sum = CanonicalSum({node.begin, node.begin + half}, leaf);
  const std::vector<float> right = CanonicalSum({node.begin + half, node.end}, leaf);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
  return sum;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class PlainLoop {
 public:
  PlainLoop(const ShardJob& job, uint64_t steps) {
    std::vector<std::vector<float>> now, state1, state2;
    for (uint64_t b = 0; b < job.grid.blocks(); ++b) {
      const BlockInfo& info = job.grid.block(b);
      now.emplace_back(info.floats);
      FirstValues(job.spec.seed, job.grid.tensors()[info.tensor], info.offset, info.floats,
                  now.back().data());
    }
    state1 = state2 = std::vector<std::vector<float>>(now.size());
    for (size_t b = 0; b < now.size(); ++b) {
      state1[b].assign(now[b].size(), 0.0f);
      state2[b].assign(now[b].size(), 0.0f);
    }
    versions_.push_back(now);
    for (uint64_t step = 0; step <= steps; ++step) {  // step `steps` only sends metrics
      const UpdateStep update = PrepareUpdate(job.spec.optimizer, step, steps);
      for (uint64_t b = 0; b < now.size(); ++b) {
        const TensorKind kind = job.grid.kind(b);
        if (step == steps && kind != TensorKind::kSum) continue;
        const std::vector<float> sum = CanonicalSum(
            job.tree.root(), [&](uint32_t slice) { return LeafOf(job, step, slice, b, now[b]); });
        if (kind != TensorKind::kTrained) {
          now[b] = sum;
          continue;
        }
        float* w = now[b].data();
        const TensorSpec& tensor = job.grid.tensors()[job.grid.block(b).tensor];
        ApplyUpdate(UpdateOf(tensor, job.spec.optimizer, update),
                    {sum.data(), nullptr, w, w, state1[b].data(), state1[b].data(),
                     state2[b].data(), state2[b].data()},
                    sum.size());
      }
      versions_.push_back(now);
    }
  }

  // The floats of `block` at `version`; of metrics: up to one version more than of weights.
  const std::vector<float>& At(uint64_t version, uint64_t block) const {
    return versions_[version][block];
  }

 private:
  std::vector<std::vector<std::vector<float>>> versions_;
};

}  // namespace paracord
