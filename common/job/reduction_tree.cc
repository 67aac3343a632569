#include "common/job/reduction_tree.h"

#include <bit>

#include "common/base/status.h"

namespace paracord {
namespace {

// The child of `node` that holds slice `leaf`.
TreeNode ChildTowards(const TreeNode& node, uint32_t leaf) {
  const uint32_t split = ReductionTree::Split(node);
  return leaf < split ? TreeNode{node.begin, split} : TreeNode{split, node.end};
}

void CoverBelow(const TreeNode& node, const TreeNode& range, std::vector<TreeNode>* out) {
  if (node.Disjoint(range)) return;
  if (range.Covers(node)) {
    out->push_back(node);
    return;
  }
  const uint32_t split = ReductionTree::Split(node);
  CoverBelow({node.begin, split}, range, out);
  CoverBelow({split, node.end}, range, out);
}

}  // namespace

uint32_t ReductionTree::Split(const TreeNode& node) {
  return node.begin + std::bit_floor(node.leaves() - 1);
}

bool ReductionTree::IsNode(const TreeNode& range) const {
  if (range.begin >= range.end || range.end > leaves_) return false;
  TreeNode node = root();
  while (node != range && node.Covers(range) && node.leaves() > 1) {
    node = ChildTowards(node, range.begin);
  }
  return node == range;
}

TreeNode ReductionTree::Parent(const TreeNode& node) const {
  PARACORD_CHECK(node != root());
  TreeNode parent = root();
  for (;;) {
    const TreeNode child = ChildTowards(parent, node.begin);
    if (child == node) return parent;
    PARACORD_CHECK(child.leaves() > 1);  // else `node` was no node
    parent = child;
  }
}

TreeNode ReductionTree::Sibling(const TreeNode& node) const {
  const TreeNode parent = Parent(node);
  return node.begin == parent.begin ? TreeNode{node.end, parent.end}
                                    : TreeNode{parent.begin, node.begin};
}

std::vector<TreeNode> ReductionTree::Cover(uint32_t begin, uint32_t end) const {
  std::vector<TreeNode> out;
  if (begin < end) CoverBelow(root(), {begin, end}, &out);
  return out;
}

}  // namespace paracord
