// The canonical binary tree over the slices of a batch: the one order in which gradients are ever
// added.
//
// A node is the half-open range [begin, end) of slices below it. The root is [0, leaves); a node of
// n > 1 leaves splits at the largest power of two below n. Nodes are nested or disjoint. Whoever
// adds whatever part of it, on however many hosts, adds the same pairs in the same order, so the
// sum has the same bits.
#pragma once

#include <cstdint>
#include <vector>

namespace paracord {

struct TreeNode {
  uint32_t begin = 0;
  uint32_t end = 0;

  bool Covers(const TreeNode& other) const { return begin <= other.begin && other.end <= end; }
  bool Disjoint(const TreeNode& other) const { return end <= other.begin || other.end <= begin; }
  uint32_t leaves() const { return end - begin; }
  bool operator==(const TreeNode&) const = default;
};

class ReductionTree {
 public:
  explicit ReductionTree(uint32_t leaves) : leaves_(leaves) {}  // at least 1

  uint32_t leaves() const { return leaves_; }
  TreeNode root() const { return {0, leaves_}; }
  // Where a node of two or more leaves splits: children [begin, Split) and [Split, end).
  static uint32_t Split(const TreeNode& node);
  bool IsNode(const TreeNode& range) const;
  // The node whose child `node` is, and `node`'s sibling. `node` is a node and not the root.
  TreeNode Parent(const TreeNode& node) const;
  TreeNode Sibling(const TreeNode& node) const;
  // The fewest nodes that together are exactly [begin, end), from left to right. Empty range: none.
  std::vector<TreeNode> Cover(uint32_t begin, uint32_t end) const;

 private:
  uint32_t leaves_;
};

}  // namespace paracord
