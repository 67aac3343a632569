#include "worker/tensor/cuda/block.h"

#include <catch2/catch.hpp>

#include "tests/worker/tensor/ops_check.h"
#include "worker/tensor/cuda/column_sums.h"
#include "worker/tensor/cuda/host_launcher.h"
#include "worker/tensor/cuda/reductions.h"

namespace paracord {
namespace {

constexpr HostOrder kOrders[] = {HostOrder::kForward, HostOrder::kBackward, HostOrder::kShuffled};

// sums[block] of values of the block's own, by the block's tree.
template <int kThreadsOfBody>
struct TreeBody {
  static constexpr int kThreads = kThreadsOfBody;
  const float* values;
  float *sums, *largest;

  template <class Block>
  void operator()(Block& block) const {
    const float* own = values + block.x() * kThreads;
    const float sum = block.Sum([&](int thread) { return own[thread]; });
    const float most = block.Max([&](int thread) { return own[thread]; });
    block.Each([&](int thread) {
      sums[block.x() * kThreads + thread] = sum;
      largest[block.x() * kThreads + thread] = most;
    });
  }
};

// The tree as block.h draws it, in words of its own.
float Tree(const float* values, int count) {
  if (count == 1) return values[0];
  if (count > kWarp) return Tree(values, count / 2) + Tree(values + count / 2, count / 2);
  float halves[kWarp / 2];
  for (int i = 0; i < count / 2; ++i) halves[i] = values[i] + values[i + count / 2];
  return Tree(halves, count / 2);
}

// Warps 0 and 4, 1 and 5, ... are combined first, so they are laid side by side.
Floats Interleaved(const float* values, int threads) {
  Floats out;
  const auto visit = [&](auto self, int first, int step) -> void {
    if (step * kWarp >= threads) {
      out.insert(out.end(), values + first * kWarp, values + (first + 1) * kWarp);
      return;
    }
    self(self, first, 2 * step);
    self(self, first + step, 2 * step);
  };
  visit(visit, 0, 1);
  return out;
}

template <int kThreads>
void CheckTree() {
  const int64_t blocks = 3;
  const Floats values = RandomFloats(1, blocks * kThreads, 1.0f);
  for (const HostOrder order : kOrders) {
    Floats sums = Unset(blocks * kThreads), largest = sums;
    HostLauncher(order).Launch(blocks,
                               TreeBody<kThreads>{values.data(), sums.data(), largest.data()});
    for (int64_t i = 0; i < blocks * kThreads; ++i) {
      const float* own = values.data() + i / kThreads * kThreads;
      CHECK(sums[static_cast<size_t>(i)] == Tree(Interleaved(own, kThreads).data(), kThreads));
      CHECK(largest[static_cast<size_t>(i)] == *std::max_element(own, own + kThreads));
    }
  }
}

// Thread t hands its value to t + 1, through a barrier or not.
template <bool kBarrier>
struct HandOnBody {
  static constexpr int kThreads = 64;
  float* to;

  int64_t SharedBytes() const { return SharedSize<float>(kThreads); }

  template <class Block>
  void operator()(Block& block) const {
    float* shared = block.template Shared<float>(kThreads);
    typename Block::template PerThread<float> kept;
    block.Each([&](int thread) {
      kept[thread] = static_cast<float>(thread);
      shared[thread] = kept[thread];
      if (!kBarrier) to[thread] = shared[(thread + 1) % kThreads] + kept[thread];
    });
    if (!kBarrier) return;
    block.Each([&](int thread) { to[thread] = shared[(thread + 1) % kThreads] + kept[thread]; });
  }
};

template <bool kBarrier>
Floats HandOn(HostOrder order) {
  Floats to(64);
  HostLauncher(order).Launch(1, HandOnBody<kBarrier>{to.data()});
  return to;
}

// Each block writes where the next has written: a race between blocks.
struct LastBody {
  static constexpr int kThreads = 32;
  float* to;

  template <class Block>
  void operator()(Block& block) const {
    block.Each([&](int) { *to = static_cast<float>(block.x()); });
  }
};

struct CountBody {
  static constexpr int kThreads = 32;
  uint64_t* counts;

  template <class Block>
  void operator()(Block& block) const {
    block.Each([&](int thread) { block.Count(counts + thread % 3); });
  }
};

struct MatrixElement {
  const float* values;
  int64_t columns;
  float operator()(int64_t row, int64_t column) const { return values[row * columns + column]; }
};

}  // namespace

TEST_CASE("a block's sum goes along the tree that is drawn, whatever order its threads run in") {
  CheckTree<32>();
  CheckTree<64>();
  CheckTree<128>();
  CheckTree<256>();
  CheckTree<1024>();
}

TEST_CASE("a missing barrier and a race between blocks show as other bits in another order") {
  for (const HostOrder order : kOrders) {
    CHECK(SameBits(HandOn<true>(order), HandOn<true>(HostOrder::kForward)));
  }
  CHECK_FALSE(SameBits(HandOn<false>(HostOrder::kForward), HandOn<true>(HostOrder::kForward)));
  CHECK_FALSE(SameBits(HandOn<false>(HostOrder::kBackward), HandOn<true>(HostOrder::kForward)));
  float forward = 0, backward = 0;
  HostLauncher(HostOrder::kForward).Launch(5, LastBody{&forward});
  HostLauncher(HostOrder::kBackward).Launch(5, LastBody{&backward});
  CHECK(forward == 4);
  CHECK(backward == 0);
}

TEST_CASE("each order visits every place once") {
  for (const HostOrder order : kOrders) {
    for (const int64_t count : {1, 2, 32, 97, 1000, 1000003}) {
      std::vector<bool> seen(static_cast<size_t>(count));
      for (int64_t i = 0; i < count; ++i) {
        seen[static_cast<size_t>(PlaceInOrder(order, i, count))] = true;
      }
      CAPTURE(static_cast<int>(order), count);
      CHECK(std::count(seen.begin(), seen.end(), true) == count);
    }
  }
}

TEST_CASE("memory of a launch is not zero before it is written, and whole numbers are counted") {
  const HostLauncher launcher;
  auto held = launcher.Scratch<float>(3);
  CHECK(std::isnan(held.data()[2]));
  std::vector<uint64_t> counts(3);
  launcher.Launch(4, CountBody{counts.data()});
  CHECK(counts == std::vector<uint64_t>{44, 44, 40});
}

TEST_CASE("sums of columns and of all values equal plain sums in double, at any number of them") {
  for (const HostOrder order : kOrders) {
    const HostLauncher launcher(order);
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1},
                                        {1, 33},
                                        {31, 32},
                                        {33, 5},
                                        {5000, 3},
                                        {300, 700},
                                        {4097, 65}}) {
      CAPTURE(rows, columns);
      const Floats x = RandomFloats(3, rows * columns, 1.0f);
      Floats sums = Unset(columns), expected = Zeros(columns);
      SumColumns<float>(launcher, rows, columns, MatrixElement{x.data(), columns},
                        ToPlace{sums.data()});
      double total = 0;
      for (int64_t c = 0; c < columns; ++c) {
        double sum = 0;
        for (int64_t r = 0; r < rows; ++r) sum += x[static_cast<size_t>(r * columns + c)];
        expected[static_cast<size_t>(c)] = static_cast<float>(sum);
        total += sum;
      }
      CHECK(Distance(sums, expected) < 1e-6);
      CHECK(SumAll(launcher, rows * columns, Stored<float>{x.data()}) == Approx(total));
    }
  }
}

}  // namespace paracord
