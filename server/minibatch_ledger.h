// Which minibatches a block has of the steps that it has not whole: those before its version it has
// all. Alone decides whether a gradient counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "common/job/reduction_tree.h"

namespace paracord {

class MinibatchLedger {
 public:
  // `slices`: of a step, the job's virtual workers.
  explicit MinibatchLedger(uint32_t slices) : slices_(slices) {}

  // How many of some of a step's minibatches.
  uint32_t Count(uint64_t step, const TreeNode& slices) const {
    const auto found = steps_.find(step);
    if (found == steps_.end()) return 0;
    const auto begin = found->second.begin();
    return static_cast<uint32_t>(std::count(begin + slices.begin, begin + slices.end, true));
  }
  void Add(uint64_t step, const TreeNode& slices) {
    count_ += slices.leaves() - Count(step, slices);
    std::vector<bool>& has = steps_.try_emplace(step, slices_, false).first->second;
    std::fill(has.begin() + slices.begin, has.begin() + slices.end, true);
  }
  bool Whole(uint64_t step) const {
    const auto found = steps_.find(step);
    return found != steps_.end() &&
           std::all_of(found->second.begin(), found->second.end(), [](bool has) { return has; });
  }
  // The block's version has passed this step.
  void Drop(uint64_t step) {
    const auto found = steps_.find(step);
    if (found == steps_.end()) return;
    count_ -= static_cast<uint64_t>(std::count(found->second.begin(), found->second.end(), true));
    steps_.erase(found);
  }

  uint64_t count() const { return count_; }
  // The last step that it has something of; none: 0.
  uint64_t newest_step() const { return steps_.empty() ? 0 : steps_.rbegin()->first; }
  // visit(step, slice) of each minibatch, ascending.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [step, has] : steps_) {
      for (uint32_t slice = 0; slice < slices_; ++slice) {
        if (has[slice]) visit(step, slice);
      }
    }
  }
  // As step * slices + slice, ascending.
  std::vector<uint64_t> List() const {
    std::vector<uint64_t> out;
    ForEach([&](uint64_t step, uint32_t slice) { out.push_back(step * slices_ + slice); });
    return out;
  }

 private:
  uint32_t slices_;
  uint64_t count_ = 0;
  std::map<uint64_t, std::vector<bool>> steps_;
};

}  // namespace paracord
