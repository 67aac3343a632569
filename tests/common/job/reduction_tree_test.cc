#include "common/job/reduction_tree.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>

namespace paracord {
namespace {

constexpr uint32_t kLargest = 64;

struct Kinship {
  TreeNode parent, sibling;
};
using Nodes = std::map<std::pair<uint32_t, uint32_t>, Kinship>;

// Every node below `node`, by definition: a split at the largest power of two below n, found by
// counting up.
void Collect(const TreeNode& node, const Kinship& kinship, Nodes* out) {
  (*out)[{node.begin, node.end}] = kinship;
  if (node.leaves() == 1) return;
  uint32_t half = 1;
  while (half * 2 < node.leaves()) half *= 2;
  const TreeNode left{node.begin, node.begin + half}, right{node.begin + half, node.end};
  Collect(left, {node, right}, out);
  Collect(right, {node, left}, out);
}

Nodes AllNodes(uint32_t leaves) {
  Nodes out;
  Collect({0, leaves}, {}, &out);
  return out;
}

TEST_CASE("a node splits at the largest power of two below its leaves") {
  CHECK(ReductionTree::Split({0, 2}) == 1);
  CHECK(ReductionTree::Split({0, 3}) == 2);
  CHECK(ReductionTree::Split({0, 5}) == 4);
  CHECK(ReductionTree::Split({0, 6}) == 4);
  CHECK(ReductionTree::Split({0, 8}) == 4);
  CHECK(ReductionTree::Split({8, 11}) == 10);
  CHECK(ReductionTree::Split({0, 4096}) == 2048);
}

TEST_CASE("for 1 to 64 leaves a range is a node exactly if splitting the root arrives at it") {
  for (uint32_t leaves = 1; leaves <= kLargest; ++leaves) {
    const ReductionTree tree(leaves);
    const Nodes nodes = AllNodes(leaves);
    CHECK(nodes.size() == 2 * leaves - 1);
    uint32_t wrong = 0;
    for (uint32_t begin = 0; begin <= leaves + 2; ++begin) {
      for (uint32_t end = 0; end <= leaves + 2; ++end) {
        wrong += tree.IsNode({begin, end}) != nodes.contains({begin, end});
      }
    }
    CAPTURE(leaves);
    CHECK(wrong == 0);
  }
}

TEST_CASE("ranges from a hostile message are no nodes") {
  const ReductionTree tree(8);
  CHECK_FALSE(tree.IsNode({0, ~0u}));
  CHECK_FALSE(tree.IsNode({~0u, 0}));
  CHECK_FALSE(tree.IsNode({~0u, ~0u}));
  CHECK_FALSE(tree.IsNode({~0u - 1, ~0u}));
  CHECK_FALSE(tree.IsNode({5, 3}));
}

TEST_CASE("for 1 to 64 leaves parent and sibling undo the split") {
  for (uint32_t leaves = 1; leaves <= kLargest; ++leaves) {
    const ReductionTree tree(leaves);
    uint32_t wrong = 0;
    for (const auto& [range, kinship] : AllNodes(leaves)) {
      const TreeNode node{range.first, range.second};
      if (node == tree.root()) continue;
      wrong += !(tree.Parent(node) == kinship.parent) || !(tree.Sibling(node) == kinship.sibling);
    }
    CAPTURE(leaves);
    CHECK(wrong == 0);
  }
}

// The fewest nodes that tile [begin, end), for every end: dynamic programming over nodes in order
// of their begin.
std::vector<uint32_t> FewestFrom(uint32_t begin, uint32_t leaves, const Nodes& nodes) {
  std::vector<uint32_t> fewest(leaves + 1, leaves + 1);
  fewest[begin] = 0;
  for (const auto& [range, kinship] : nodes) {
    fewest[range.second] = std::min(fewest[range.second], fewest[range.first] + 1);
  }
  return fewest;
}

bool TilesExactly(const std::vector<TreeNode>& cover, uint32_t begin, uint32_t end,
                  const Nodes& nodes) {
  for (const TreeNode& node : cover) {
    if (node.begin != begin || !nodes.contains({node.begin, node.end})) return false;
    begin = node.end;
  }
  return begin == end;
}

TEST_CASE("for 1 to 64 leaves a cover is exact, of nodes, from left to right, and the smallest") {
  for (uint32_t leaves = 1; leaves <= kLargest; ++leaves) {
    const ReductionTree tree(leaves);
    const Nodes nodes = AllNodes(leaves);
    uint32_t wrong = 0;
    for (uint32_t begin = 0; begin <= leaves; ++begin) {
      const std::vector<uint32_t> fewest = FewestFrom(begin, leaves, nodes);
      for (uint32_t end = begin; end <= leaves; ++end) {
        const std::vector<TreeNode> cover = tree.Cover(begin, end);
        wrong += !TilesExactly(cover, begin, end, nodes) || cover.size() != fewest[end];
      }
    }
    CAPTURE(leaves);
    CHECK(wrong == 0);
  }
}

float SumOf(const std::vector<float>& leaves, const TreeNode& node) {
  if (node.leaves() == 1) return leaves[node.begin];
  const uint32_t split = ReductionTree::Split(node);
  return SumOf(leaves, {node.begin, split}) + SumOf(leaves, {split, node.end});
}

// What a server does: partial sums in any order of arrival, siblings merged upward.
float Merge(const ReductionTree& tree, std::vector<std::pair<TreeNode, float>> arrivals) {
  std::map<uint32_t, std::pair<TreeNode, float>> have;  // by begin; disjoint
  for (auto [node, sum] : arrivals) {
    while (!(node == tree.root())) {
      const TreeNode sibling = tree.Sibling(node);
      const auto at = have.find(sibling.begin);
      if (at == have.end() || !(at->second.first == sibling)) break;
      sum = node.begin < sibling.begin ? sum + at->second.second : at->second.second + sum;
      have.erase(at);
      node = tree.Parent(node);
    }
    have[node.begin] = {node, sum};
  }
  REQUIRE(have.size() == 1);
  return have.begin()->second.second;
}

TEST_CASE(
    "however the slices are dealt to workers and messages arrive, the sum has the same bits") {
  const uint32_t seed = 4711;
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 2000; ++round) {
    const ReductionTree tree(1 + random() % kLargest);
    std::vector<float> leaves(tree.leaves());
    for (float& leaf : leaves) leaf = normal(random) * std::exp2(static_cast<float>(random() % 20));

    std::vector<std::pair<TreeNode, float>> arrivals;
    for (uint32_t begin = 0; begin < tree.leaves();) {
      const uint32_t end = begin + 1 + random() % (tree.leaves() - begin);
      for (const TreeNode& node : tree.Cover(begin, end)) {
        arrivals.emplace_back(node, SumOf(leaves, node));
      }
      begin = end;
    }
    std::shuffle(arrivals.begin(), arrivals.end(), random);
    const float merged = Merge(tree, arrivals);
    CAPTURE(round, tree.leaves());
    CHECK(std::bit_cast<uint32_t>(merged) == std::bit_cast<uint32_t>(SumOf(leaves, tree.root())));
  }
}

}  // namespace
}  // namespace paracord
