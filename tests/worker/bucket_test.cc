#include "worker/bucket.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace paracord {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kBlock = static_cast<int64_t>(kBlockFloats);
constexpr int64_t kHalf = 8 * kBlock;  // floats of half a MiB

// Tensors of the given sizes, the last of them the metrics.
BlockGrid GridWith(const std::vector<int64_t>& sizes) {
  std::vector<TensorSpec> tensors;
  for (const int64_t size : sizes) tensors.emplace_back().shape = {size};
  return BlockGrid(std::move(tensors));
}

// A part that is complete at once for each tensor but the metrics, from the last to the first.
std::vector<FloatRange> PartOfEach(const BlockGrid& grid) {
  std::vector<FloatRange> parts;
  for (uint32_t tensor = static_cast<uint32_t>(grid.tensors().size()) - 1; tensor-- > 0;) {
    parts.push_back(grid.FloatsOf(grid.BlocksOf(tensor)));
  }
  return parts;
}

// Their blocks, from the model's front.
std::vector<BlockRange> RunsOfTensors(const std::vector<int64_t>& sizes) {
  const BlockGrid grid = GridWith(sizes);
  std::vector<BlockRange> out;
  for (const BlockRun& run : RunsOf(grid, PartOfEach(grid))) out.push_back(run.blocks);
  std::reverse(out.begin(), out.end());
  return out;
}

TEST_CASE("layers of half a MiB and more stand alone, the last of them with the metrics") {
  CHECK(RunsOfTensors({kHalf, 2 * kHalf, kHalf, 3}) ==
        std::vector<BlockRange>{{0, 8}, {8, 24}, {24, 33}});
}

TEST_CASE("small layers join the one before, until they are half a MiB together") {
  CHECK(RunsOfTensors({kHalf, kHalf, 10, 3}) == std::vector<BlockRange>{{0, 8}, {8, 18}});
  CHECK(RunsOfTensors({kHalf, 10, kHalf, 10, 3}) == std::vector<BlockRange>{{0, 9}, {9, 19}});
  CHECK(RunsOfTensors({kHalf, 3 * kBlock, 3 * kBlock, 3 * kBlock, 3}) ==
        std::vector<BlockRange>{{0, 8}, {8, 18}});
}

TEST_CASE("half a MiB to the float decides whether a run leaves") {
  CHECK(RunsOfTensors({kHalf, kHalf - 3, 3}) == std::vector<BlockRange>{{0, 8}, {8, 17}});
  CHECK(RunsOfTensors({kHalf, kHalf - 4, 3}) == std::vector<BlockRange>{{0, 17}});
}

TEST_CASE("a small layer that has none before it is alone, and a small model is one run") {
  CHECK(RunsOfTensors({10, kHalf, 3}) == std::vector<BlockRange>{{0, 1}, {1, 10}});
  CHECK(RunsOfTensors({10, 3}) == std::vector<BlockRange>{{0, 2}});
  CHECK(RunsOfTensors({100, 10, 1000, 10, 3}) == std::vector<BlockRange>{{0, 5}});
  CHECK(RunsOfTensors({3}) == std::vector<BlockRange>{{0, 1}});
}

TEST_CASE("a large layer leaves in several runs, each of blocks that are complete") {
  const BlockGrid grid = GridWith({64 * kBlock, 3});
  // The first part to be complete begins inside block 39: that block goes with the next.
  const uint64_t inside = 39 * kBlockFloats + 1, middle = 20 * kBlockFloats;
  const std::vector<FloatRange> parts = {
      {inside, 64 * kBlockFloats}, {middle, inside}, {0, middle}};
  CHECK(RunsOf(grid, parts) == std::vector<BlockRun>{{{40, 65}, 1}, {{20, 40}, 2}, {{0, 20}, 3}});
}

TEST_CASE("runs follow the order of the parts; what is elsewhere is not waited for") {
  const BlockGrid grid = GridWith({64 * kBlock, 3});
  const auto runs = [&](const std::vector<uint64_t>& cuts) {  // the last part, then from the first
    std::vector<FloatRange> parts = {{cuts.back() * kBlockFloats, 64 * kBlockFloats}};
    for (size_t i = 1; i < cuts.size(); ++i) {
      parts.push_back({cuts[i - 1] * kBlockFloats, cuts[i] * kBlockFloats});
    }
    return RunsOf(grid, parts);
  };
  CHECK(runs({0, 16, 32, 48}) ==
        std::vector<BlockRun>{{{48, 65}, 1}, {{0, 16}, 2}, {{16, 32}, 3}, {{32, 48}, 4}});
  CHECK(runs({0, 6, 12, 60}) == std::vector<BlockRun>{{{60, 65}, 1}, {{0, 12}, 3}, {{12, 60}, 4}});
}

TEST_CASE("runs cover all blocks once, each as soon as it is complete and large enough") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<int64_t> sizes;
    for (uint64_t tensors = 1 + random() % 12; tensors > 0; --tensors) {
      const int64_t largest = random() % 2 == 0 ? 2 * kBlock : 6 * kHalf;
      sizes.push_back(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(largest)));
    }
    sizes.push_back(3);
    const BlockGrid grid = GridWith(sizes);
    uint64_t end = grid.FloatsOf(grid.BlocksOf(static_cast<uint32_t>(sizes.size()) - 1)).begin;
    std::vector<FloatRange> parts;  // at any float, blocks or not
    while (end > 0) {
      const uint64_t begin = end - std::min(end, 1 + random() % static_cast<uint64_t>(2 * kHalf));
      parts.push_back({begin, end});
      end = begin;
    }
    std::reverse(parts.end() - static_cast<int64_t>(random() % parts.size()), parts.end());
    const auto complete = [&](BlockRange blocks) {  // after how many parts
      size_t after = 0;
      for (size_t i = 0; i < parts.size(); ++i) {
        const BlockRange over = grid.BlocksOver(parts[i]);
        if (over.begin < blocks.end && blocks.begin < over.end) after = i + 1;
      }
      return after;
    };
    const std::vector<BlockRun> runs = RunsOf(grid, parts);
    std::vector<int> covered(grid.blocks(), 0);
    for (size_t i = 0; i < runs.size(); ++i) {
      for (uint64_t b = runs[i].blocks.begin; b < runs[i].blocks.end; ++b) ++covered[b];
      CHECK(runs[i].parts == complete(runs[i].blocks));
      if (i + 1 == runs.size()) break;
      CHECK(runs[i].parts < runs[i + 1].parts);
      // The next run begun elsewhere, or this one was large enough.
      size_t first = parts.size();
      for (uint64_t b = runs[i + 1].blocks.begin; b < runs[i + 1].blocks.end; ++b) {
        first = std::min(first, complete({b, b + 1}));
      }
      for (const auto& [own, beside] : {std::pair(runs[i].blocks.begin, runs[i].blocks.begin - 1),
                                        std::pair(runs[i].blocks.end, runs[i].blocks.end)}) {
        const BlockRange next = runs[i + 1].blocks;
        if (own == 0 || beside < next.begin || beside >= next.end) continue;
        if (complete({beside, beside + 1}) != first) continue;
        CHECK(grid.Floats(runs[i].blocks) >= static_cast<uint64_t>(kHalf));
      }
    }
    CHECK(std::count(covered.begin(), covered.end(), 1) == static_cast<int64_t>(grid.blocks()));
  }
}

// Gradients of each virtual worker, of very different sizes: another order of additions has other
// bits.
class Leaves {
 public:
  Leaves(uint64_t seed, uint32_t count) {
    std::mt19937_64 random(seed);
    for (uint32_t leaf = 0; leaf < count; ++leaf) {
      Floats& floats = leaves_.emplace_back(3000);
      for (float& value : floats) {
        const float unit = static_cast<float>(random() >> 40) * 0x1p-24f - 0.5f;
        value = unit * static_cast<float>(1 << random() % 20);
      }
    }
  }

  // In two runs, as a gradient with metrics behind it comes.
  Payload Of(uint32_t leaf) const {
    const auto owner = std::make_shared<const Floats>(leaves_[leaf]);
    Payload out(owner->data(), owner->size() - 3, owner);
    out.Append(Payload(owner->data() + owner->size() - 3, 3, owner));
    return out;
  }
  // By definition: a node of n > 1 leaves splits at the largest power of two below n.
  Floats Sum(TreeNode node) const {
    if (node.leaves() == 1) return leaves_[node.begin];
    uint32_t half = 1;
    while (half * 2 < node.leaves()) half *= 2;
    Floats sum = Sum({node.begin, node.begin + half});
    const Floats right = Sum({node.begin + half, node.end});
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
    return sum;
  }
  // Whether `sums` are the fewest nodes over [begin, end), each with the canonical bits.
  bool Made(const std::vector<TreeSum::Partial>& sums, const ReductionTree& tree, uint32_t begin,
            uint32_t end) const {
    const std::vector<TreeNode> nodes = tree.Cover(begin, end);
    bool same = sums.size() == nodes.size();
    for (size_t n = 0; same && n < nodes.size(); ++n) {
      const Floats expected = Sum(nodes[n]);
      Floats found(expected.size());
      same = sums[n].node == nodes[n] && sums[n].floats.size() == found.size() * sizeof(float);
      if (!same) break;
      sums[n].floats.CopyTo(found.data());
      same = std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0;
    }
    return same;
  }

 private:
  std::vector<Floats> leaves_;
};

TEST_CASE("leaves in any order leave as the fewest nodes with the tree's bits, step after step") {
  BufferPool pool;
  constexpr uint32_t kWorkers = 11;
  const ReductionTree tree(kWorkers);
  for (uint32_t begin = 0; begin < kWorkers; ++begin) {
    for (uint32_t end = begin + 1; end <= kWorkers; ++end) {
      Bucket bucket({4, 7}, end - begin);
      CHECK(bucket.blocks() == BlockRange{4, 7});
      std::mt19937_64 random(begin * 100 + end);
      for (uint64_t step = 0; step < 3; ++step) {
        INFO("virtual workers [" << begin << ", " << end << "), step " << step);
        const Leaves leaves(step, kWorkers);
        std::vector<uint32_t> order;
        for (uint32_t leaf = begin; leaf < end; ++leaf) order.push_back(leaf);
        std::shuffle(order.begin(), order.end(), random);
        for (const uint32_t leaf : order) {
          REQUIRE(bucket.Add(tree, leaf, leaves.Of(leaf), pool) == (leaf == order.back()));
        }
        CHECK(leaves.Made(bucket.Take(tree, pool), tree, begin, end));
        CHECK(bucket.Take(tree, pool).empty());
      }
    }
  }
}

TEST_CASE(
    "leaves from many threads at once: one of them is the last, and the bits are the tree's") {
  BufferPool pool;
  constexpr uint32_t kWorkers = 8, kThreads = 4;
  const ReductionTree tree(kWorkers);
  Bucket bucket({0, 1}, kWorkers);
  for (uint64_t step = 0; step < 50; ++step) {
    const Leaves leaves(step, kWorkers);
    std::atomic<uint32_t> next = 0, last = 0;
    std::atomic<bool> made = false;
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (uint32_t leaf = next++; leaf < kWorkers; leaf = next++) {
          if (!bucket.Add(tree, leaf, leaves.Of(leaf), pool)) continue;
          ++last;
          made = leaves.Made(bucket.Take(tree, pool), tree, 0, kWorkers);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(last == 1);
    CHECK(made);
  }
}

TEST_CASE("what was taken stays as it is while the next step is added") {
  BufferPool pool;
  const ReductionTree tree(4);
  const Leaves first(1, 4), second(2, 4);
  Bucket bucket({0, 1}, 4);
  for (uint32_t leaf = 0; leaf < 4; ++leaf) bucket.Add(tree, leaf, first.Of(leaf), pool);
  const std::vector<TreeSum::Partial> taken = bucket.Take(tree, pool);
  for (uint32_t leaf = 0; leaf < 4; ++leaf) bucket.Add(tree, leaf, second.Of(leaf), pool);
  CHECK(second.Made(bucket.Take(tree, pool), tree, 0, 4));
  CHECK(first.Made(taken, tree, 0, 4));
}

TEST_CASE("a task's only virtual worker is handed on without an addition or a copy") {
  BufferPool pool;
  const ReductionTree tree(4);
  const Leaves leaves(3, 4);
  Bucket bucket({0, 1}, 1);
  const Payload mine = leaves.Of(2);
  REQUIRE(bucket.Add(tree, 2, mine, pool));
  const std::vector<TreeSum::Partial> sums = bucket.Take(tree, pool);
  REQUIRE(leaves.Made(sums, tree, 2, 3));
  CHECK(sums[0].floats.runs()[0].data == mine.runs()[0].data);
}

}  // namespace
}  // namespace paracord
