#include "common/job/tree_sum.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace paracord {
namespace {

constexpr size_t kFloats = 37;
constexpr uint32_t kLargest = 33;

using Floats = std::vector<float>;

// Values of very different sizes: another order of additions has other bits.
std::vector<Floats> RandomLeaves(std::mt19937_64& random, uint32_t leaves) {
  std::vector<Floats> out(leaves, Floats(kFloats));
  for (Floats& leaf : out) {
    for (float& value : leaf) {
      const float unit = static_cast<float>(random() >> 40) * 0x1p-24f - 0.5f;
      value = random() % 16 == 0 ? -0.0f : unit * static_cast<float>(1 << random() % 20);
    }
  }
  return out;
}

// By definition: a node is the sum of its halves, split at the largest power of two below n.
Floats CanonicalSum(const std::vector<Floats>& leaves, const TreeNode& node) {
  if (node.leaves() == 1) return leaves[node.begin];
  uint32_t half = 1;
  while (half * 2 < node.leaves()) half *= 2;
  Floats sum = CanonicalSum(leaves, {node.begin, node.begin + half});
  const Floats right = CanonicalSum(leaves, {node.begin + half, node.end});
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
  return sum;
}

std::vector<TreeNode> AllNodes(const ReductionTree& tree) {
  std::vector<TreeNode> out;
  for (uint32_t begin = 0; begin < tree.leaves(); ++begin) {
    for (uint32_t end = begin + 1; end <= tree.leaves(); ++end) {
      if (tree.IsNode({begin, end})) out.push_back({begin, end});
    }
  }
  return out;
}

// The floats in runs cut at random bytes, each run at an odd address.
Payload Straddled(const Floats& floats, std::mt19937_64& random) {
  const char* bytes = reinterpret_cast<const char*>(floats.data());
  const size_t size = floats.size() * sizeof(float);
  Payload out;
  for (size_t at = 0; at < size;) {
    const size_t take = std::min<size_t>(size - at, 1 + random() % 40);
    auto owner = std::make_shared<std::string>(1 + take, '\0');
    std::memcpy(owner->data() + 1, bytes + at, take);
    out.Append(owner->data() + 1, take, owner);
    at += take;
  }
  return out;
}

Floats TotalOf(TreeSum& sum, BufferPool& pool) {
  const TreeSum::Total total = sum.Take();
  const Payload whole =
      total.right.size() > 0 ? SumPayloads(total.left, total.right, pool) : total.left;
  Floats out(kFloats);
  whole.CopyTo(out.data());
  return out;
}

bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_CASE("any order and any mix of nodes, repeated and nested, gives the canonical sum's bits") {
  BufferPool pool;
  for (uint32_t leaves = 1; leaves <= kLargest; ++leaves) {
    for (uint64_t round = 0; round < 20; ++round) {
      const uint64_t seed = leaves * 1000 + round;
      std::mt19937_64 random(seed);
      const ReductionTree tree(leaves);
      const std::vector<Floats> values = RandomLeaves(random, leaves);
      const std::vector<TreeNode> nodes = AllNodes(tree);
      TreeSum sum;
      size_t pushed = 0, most = 0;
      while (!sum.complete(tree)) {
        // Now and then a node twice: its repeat must change nothing.
        const TreeNode node = nodes[random() % nodes.size()];
        const bool small = node.leaves() <= 1 + random() % leaves;
        if (!small) continue;
        sum.Add(tree, node, Straddled(CanonicalSum(values, node), random), pool);
        ++pushed;
        most = std::max(most, sum.partials());
        const size_t bound = std::min<size_t>(pushed, (leaves + 1) / 2) + 1;
        INFO("seed " << seed << ", leaves " << leaves);
        REQUIRE(sum.partials() <= bound);
      }
      INFO("seed " << seed << ", leaves " << leaves);
      CHECK(SameBits(TotalOf(sum, pool), CanonicalSum(values, tree.root())));
      CHECK(sum.partials() == 0);
    }
  }
}

TEST_CASE("single leaves in any order never need more than half of them as partial sums") {
  BufferPool pool;
  for (uint32_t leaves = 1; leaves <= kLargest; ++leaves) {
    std::mt19937_64 random(leaves);
    const ReductionTree tree(leaves);
    const std::vector<Floats> values = RandomLeaves(random, leaves);
    std::vector<uint32_t> order(leaves);
    for (uint32_t i = 0; i < leaves; ++i) order[i] = i;
    // The worst order first (no two siblings in a row), then random ones.
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a % 2 < b % 2; });
    for (int round = 0; round < 10; ++round) {
      TreeSum sum;
      for (const uint32_t leaf : order) {
        INFO("leaves " << leaves << ", round " << round << ", seed " << leaves);
        REQUIRE(sum.Add(tree, {leaf, leaf + 1}, Straddled(values[leaf], random), pool));
        REQUIRE(sum.partials() <= (leaves + 1) / 2 + 1);
      }
      REQUIRE(sum.complete(tree));
      CHECK(SameBits(TotalOf(sum, pool), CanonicalSum(values, tree.root())));
      std::shuffle(order.begin(), order.end(), random);
    }
  }
}

TEST_CASE("a node that is covered already changes nothing, also when its sum has other values") {
  BufferPool pool;
  std::mt19937_64 random(5);
  const ReductionTree tree(8);
  const std::vector<Floats> values = RandomLeaves(random, 8), others = RandomLeaves(random, 8);
  TreeSum sum;
  REQUIRE(sum.Add(tree, {0, 4}, Straddled(CanonicalSum(values, {0, 4}), random), pool));
  for (const TreeNode& covered : {TreeNode{0, 4}, {0, 2}, {2, 4}, {1, 2}, {3, 4}}) {
    CHECK_FALSE(sum.Add(tree, covered, Straddled(CanonicalSum(others, covered), random), pool));
    CHECK(sum.partials() == 1);
  }
  REQUIRE(sum.Add(tree, {4, 8}, Straddled(CanonicalSum(values, {4, 8}), random), pool));
  REQUIRE(sum.complete(tree));
  CHECK_FALSE(sum.Add(tree, {0, 8}, Straddled(CanonicalSum(others, {0, 8}), random), pool));
  CHECK(SameBits(TotalOf(sum, pool), CanonicalSum(values, {0, 8})));
}

TEST_CASE("two siblings that have met cover their parent and both of themselves") {
  BufferPool pool;
  std::mt19937_64 random(6);
  const ReductionTree tree(8);
  const std::vector<Floats> values = RandomLeaves(random, 8);
  TreeSum sum;
  REQUIRE(sum.Add(tree, {3, 4}, Straddled(values[3], random), pool));
  REQUIRE(sum.Add(tree, {2, 3}, Straddled(values[2], random), pool));
  CHECK(sum.partials() == 1);
  CHECK_FALSE(sum.Add(tree, {2, 4}, Straddled(CanonicalSum(values, {2, 4}), random), pool));
  CHECK_FALSE(sum.Add(tree, {3, 4}, Straddled(values[3], random), pool));
}

TEST_CASE("a node replaces every descendant that is there, and leaves what is disjoint") {
  BufferPool pool;
  std::mt19937_64 random(7);
  const ReductionTree tree(8);
  const std::vector<Floats> values = RandomLeaves(random, 8);
  TreeSum sum;
  for (const uint32_t leaf : {0u, 3u, 5u}) {
    REQUIRE(sum.Add(tree, {leaf, leaf + 1}, Straddled(values[leaf], random), pool));
  }
  REQUIRE(sum.partials() == 3);
  REQUIRE(sum.Add(tree, {0, 4}, Straddled(CanonicalSum(values, {0, 4}), random), pool));
  const std::vector<TreeSum::Partial> all = sum.TakeAll(tree, pool);
  REQUIRE(all.size() == 2);
  CHECK(all[0].node == TreeNode{0, 4});
  CHECK(all[1].node == TreeNode{5, 6});
}

TEST_CASE("what a task takes of its own slices are the fewest nodes, with the canonical bits") {
  BufferPool pool;
  std::mt19937_64 random(8);
  for (uint32_t leaves = 1; leaves <= 17; ++leaves) {
    const ReductionTree tree(leaves);
    const std::vector<Floats> values = RandomLeaves(random, leaves);
    for (uint32_t begin = 0; begin < leaves; ++begin) {
      for (uint32_t end = begin + 1; end <= leaves; ++end) {
        TreeSum sum;
        std::vector<uint32_t> order;
        for (uint32_t leaf = begin; leaf < end; ++leaf) order.push_back(leaf);
        std::shuffle(order.begin(), order.end(), random);
        for (const uint32_t leaf : order) {
          sum.Add(tree, {leaf, leaf + 1}, Straddled(values[leaf], random), pool);
        }
        const std::vector<TreeSum::Partial> partials = sum.TakeAll(tree, pool);
        std::vector<TreeNode> nodes;
        bool same = true;
        for (const TreeSum::Partial& partial : partials) {
          nodes.push_back(partial.node);
          Floats floats(kFloats);
          partial.floats.CopyTo(floats.data());
          same = same && SameBits(floats, CanonicalSum(values, partial.node));
        }
        INFO("slices [" << begin << ", " << end << ") of " << leaves);
        CHECK(nodes == tree.Cover(begin, end));
        CHECK(same);
        CHECK(sum.partials() == 0);
      }
    }
  }
}

TEST_CASE("a sum whose every operand is minus zero is minus zero") {
  BufferPool pool;
  std::mt19937_64 random(9);
  for (const uint32_t leaves : {1u, 2u, 3u, 7u}) {
    const ReductionTree tree(leaves);
    TreeSum sum;
    for (uint32_t leaf = leaves; leaf-- > 0;) {
      sum.Add(tree, {leaf, leaf + 1}, Straddled(Floats(kFloats, -0.0f), random), pool);
    }
    CHECK(SameBits(TotalOf(sum, pool), Floats(kFloats, -0.0f)));
  }
}

TEST_CASE("sums of payloads that are longer than a chunk and cut anywhere are element by element") {
  BufferPool pool;
  std::mt19937_64 random(10);
  Floats left(5003), right(5003), expected(5003);
  for (size_t i = 0; i < left.size(); ++i) {
    left[i] = static_cast<float>(i) * 0.37f;
    right[i] = static_cast<float>(random() % 1000) - 500;
    expected[i] = left[i] + right[i];
  }
  const Payload sum = SumPayloads(Straddled(left, random), Straddled(right, random), pool);
  Floats floats(5003);
  REQUIRE(sum.size() == floats.size() * sizeof(float));
  sum.CopyTo(floats.data());
  CHECK(SameBits(floats, expected));
}

}  // namespace
}  // namespace paracord
