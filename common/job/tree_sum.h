// What has arrived of one gradient (a block's at a server, a tensor's in a task) for one step:
// partial sums of nodes of the canonical tree, merged upward as siblings meet. It is the set of
// covered nodes, not a counter, that decides; so a push that comes twice, from a restarted task or
// a repeated message, changes nothing, and the sum has the same bits whoever sent which part.
//
// The root's own addition is left to whoever applies the sum, so that it can be done in the same
// pass over memory. At most ceil(leaves / 2) + 1 partial sums are held. One thread or strand at a
// time.
#pragma once

#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/payload.h"
#include "common/job/reduction_tree.h"

namespace paracord {

class TreeSum {
 public:
  // Takes the partial sum of `node` (a node of `tree`). False: covered already, nothing changed.
  bool Add(const ReductionTree& tree, const TreeNode& node, Payload floats, BufferPool& pool);

  bool complete(const ReductionTree& tree) const;
  // Is all of `node` there?
  bool Covers(const TreeNode& node) const;
  // The root's operands; `right` is empty if the root itself arrived. Call when complete; leaves
  // nothing.
  struct Total {
    Payload left, right;
  };
  Total Take();
  Total Look() const;  // the same, and leaves it

  struct Partial {
    TreeNode node;
    Payload floats;
  };
  // All partial sums, from left to right, the root's own addition done if it can be; leaves
  // nothing.
  std::vector<Partial> TakeAll(const ReductionTree& tree, BufferPool& pool);
  size_t partials() const { return partials_.size(); }

 private:
  void MergeUpward(const ReductionTree& tree, TreeNode node, BufferPool& pool);
  size_t Find(const TreeNode& node) const;  // partials_.size(): not there

  std::vector<Partial> partials_;  // disjoint, from left to right
};

// left + right, element by element, in a fresh buffer.
Payload SumPayloads(const Payload& left, const Payload& right, BufferPool& pool);

}  // namespace paracord
