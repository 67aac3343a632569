#include "common/job/key_range.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>

#include "common/job/job_spec.h"

namespace paracord {
namespace {

TensorSpec Tensor(const std::string& name, const Shape& shape) {
  TensorSpec tensor;
  tensor.name = name;
  tensor.shape = shape;
  return tensor;
}

BlockGrid RandomGrid(std::mt19937& random) {
  std::vector<TensorSpec> tensors;
  for (uint32_t t = 0; t < 1 + random() % 8; ++t) {
    const int64_t columns = 1 + random() % 400, rows = 1 + random() % (random() % 2 ? 500 : 3);
    tensors.push_back(Tensor(std::to_string(t), {rows, columns}));
  }
  return BlockGrid(tensors);
}

TEST_CASE("blocks are whole runs of a tensor; only its last may be shorter") {
  const BlockGrid grid({Tensor("a", {kBlockFloats * 2 + 1}), Tensor("b", {10}),
                        Tensor("c", {kBlockFloats}), Tensor("d", {128, 256})});
  CHECK(grid.blocks() == 3 + 1 + 1 + 2);
  CHECK(grid.BlocksOf(0) == BlockRange{0, 3});
  CHECK(grid.BlocksOf(1) == BlockRange{3, 4});
  CHECK(grid.BlocksOf(3) == BlockRange{5, 7});
  CHECK(grid.block(2).tensor == 0);
  CHECK(grid.block(2).offset == 2 * kBlockFloats);
  CHECK(grid.block(2).floats == 1);
  CHECK(grid.block(6).tensor == 3);
  CHECK(grid.block(6).offset == kBlockFloats);
  CHECK(grid.block(6).floats == kBlockFloats);
  CHECK(grid.Floats({2, 4}) == 11);
  CHECK(grid.Floats({3, 3}) == 0);
  CHECK(grid.Floats({0, 7}) == 4 * kBlockFloats - kBlockFloats + 1 + 10 + 2 * kBlockFloats);
}

TEST_CASE("the blocks of any grid are each tensor's floats once, in order") {
  const uint32_t seed = 21;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const BlockGrid grid = RandomGrid(random);
    uint64_t number = 0, wrong = 0;
    for (uint32_t t = 0; t < grid.tensors().size(); ++t) {
      wrong += grid.BlocksOf(t).begin != number;
      uint64_t offset = 0;
      for (; number < grid.BlocksOf(t).end; ++number) {
        const BlockInfo& block = grid.block(number);
        wrong += block.tensor != t || block.offset != offset || block.floats == 0;
        wrong += block.floats > kBlockFloats;
        offset += block.floats;
      }
      wrong += offset != static_cast<uint64_t>(grid.tensors()[t].size());
    }
    CAPTURE(round);
    CHECK(wrong == 0);
    CHECK(number == grid.blocks());
  }
}

TEST_CASE("a cut covers the grid, and no part is further than a block from an even share") {
  const uint32_t seed = 22;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    const BlockGrid grid = RandomGrid(random);
    const uint32_t parts = 1 + random() % 20;
    const std::vector<BlockRange> cut = grid.Cut(parts);
    CAPTURE(round, parts, grid.blocks());
    REQUIRE(cut.size() == parts);
    const double share = static_cast<double>(grid.Floats({0, grid.blocks()})) / parts;
    uint64_t at = 0, wrong = 0;
    for (const BlockRange& part : cut) {
      wrong += part.begin != at || part.end < part.begin;
      wrong += std::fabs(static_cast<double>(grid.Floats(part)) - share) > kBlockFloats + 1;
      at = part.end;
    }
    CHECK(wrong == 0);
    CHECK(at == grid.blocks());
  }
}

TEST_CASE("equal blocks are cut evenly, and more parts than blocks leave some empty") {
  const BlockGrid grid({Tensor("a", {8 * kBlockFloats})});
  CHECK(grid.Cut(1) == std::vector<BlockRange>{{0, 8}});
  CHECK(grid.Cut(2) == std::vector<BlockRange>{{0, 4}, {4, 8}});
  CHECK(grid.Cut(4) == std::vector<BlockRange>{{0, 2}, {2, 4}, {4, 6}, {6, 8}});
  uint64_t held = 0, most = 0;
  for (const BlockRange& part : grid.Cut(100)) {
    held += part.size();
    most = std::max(most, part.size());
  }
  CHECK(held == 8);
  CHECK(most == 1);
}

TEST_CASE("the grid of a job ends with its metrics tensor, which is summed and starts at zero") {
  JobSpec spec;
  spec.model.tensors = {Tensor("0.weight", {10, 784}), Tensor("0.bias", {10})};
  spec.evaluate.metrics = {MetricKind::kAccuracy};
  const BlockGrid grid = GridOf(spec);
  REQUIRE(grid.tensors().size() == 3);
  CHECK(grid.tensors()[0].name == "0.weight");
  CHECK(grid.tensors()[2].name == "metrics");
  CHECK(grid.tensors()[2].shape == Shape{5});
  CHECK(grid.tensors()[2].initializer.kind == InitializerSpec::Kind::kZero);
  CHECK(grid.blocks() == 3);
  CHECK(grid.kind(0) == TensorKind::kTrained);
  CHECK(grid.kind(2) == TensorKind::kSum);
}

}  // namespace
}  // namespace paracord
