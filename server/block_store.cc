#include "server/block_store.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "common/base/status.h"
#include "common/job/initializer.h"
#include "common/job/poison.h"

namespace paracord {
namespace {

constexpr size_t kChunk = 2048;  // floats handled at a time: what is copied stays in the L1 cache

FloatBuffer Copy(BufferPool& pool, const std::shared_ptr<const float>& from, uint32_t count) {
  FloatBuffer to = pool.Take(count);
  std::memcpy(to.get(), from.get(), count * sizeof(float));
  return to;
}

}  // namespace

BlockStore::BlockStore(const BlockGrid& grid, BlockRange range, const OptimizerSpec& optimizer,
                       uint32_t slices, bool skips)
    : grid_(grid),
      range_(range),
      optimizer_(optimizer),
      states_(StateFloats(optimizer.kind)),
      slices_(slices),
      skips_(skips),
      blocks_(range.size(), Block(slices)) {}

uint64_t BlockStore::BudgetBytes(const BlockGrid& grid, BlockRange range,
                                 OptimizerSpec::Kind kind) {
  return BytesOnServer(grid.Floats(range), kind);
}

FloatBuffer BlockStore::Zeros(uint32_t count) {
  FloatBuffer zeros = pool_.Take(count);
  std::fill_n(zeros.get(), count, 0.0f);
  return zeros;
}

void BlockStore::Initialize(uint64_t seed) {
  for (uint64_t number = range_.begin; number < range_.end; ++number) {
    const BlockInfo& info = grid_.block(number);
    Block& block = At(number);
    block = Block(slices_);
    block.current = pool_.Take(info.floats);
    FirstValues(seed, grid_.tensors()[info.tensor], info.offset, info.floats, block.current.get());
    if (Trained(number) && states_ > 0) block.state1 = Zeros(info.floats);
    if (Trained(number) && states_ > 1) block.state2 = Zeros(info.floats);
  }
}

void BlockStore::Restore(const BlockSnapshot& stored) {
  Block& block = At(stored.block);
  block = Block(slices_);
  block.version = stored.version;
  for (const uint64_t minibatch : stored.ahead) {
    const auto slice = static_cast<uint32_t>(minibatch % slices_);
    block.ledger.Add(minibatch / slices_, {slice, slice + 1});
  }
  block.current = Copy(pool_, stored.weights, stored.floats);
  if (stored.previous) block.previous = Copy(pool_, stored.previous, stored.floats);
  const auto state = [&](const std::shared_ptr<const float>& from) {
    return from ? Copy(pool_, from, stored.floats) : Zeros(stored.floats);
  };
  if (Trained(stored.block) && states_ > 0) block.state1 = state(stored.state1);
  if (Trained(stored.block) && states_ > 1) block.state2 = state(stored.state2);
}

uint64_t BlockStore::LowestVersion() const {
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for (const Block& block : blocks_) lowest = std::min(lowest, block.version);
  return lowest;
}

FloatBuffer BlockStore::Writable(const FloatBuffer& state, uint32_t count) {
  if (state == nullptr || state.use_count() == 1) {
    // To drop a reference acquires what the last other holder did before it dropped its own, which
    // to count them does not. (So would a fence, but ThreadSanitizer knows none.)
    FloatBuffer(state).reset();
    return state;
  }
  return pool_.Take(count);
}

FloatBuffer BlockStore::Updated(uint64_t number, const TreeSum::Total& total,
                                const UpdateStep& step) {
  const uint32_t count = grid_.block(number).floats;
  Block& block = At(number);
  FloatBuffer next = pool_.Take(count);
  const bool trained = Trained(number);
  const UpdateStep own = UpdateOf(grid_.tensors()[grid_.block(number).tensor], optimizer_, step);
  const FloatBuffer state1 = Writable(block.state1, count), state2 = Writable(block.state2, count);
  const bool two = total.right.size() > 0;
  Payload::Reader left(total.left), right(total.right);
  alignas(64) float left_scratch[kChunk], right_scratch[kChunk];
  for (uint32_t at = 0; at < count; at += kChunk) {
    const size_t chunk = std::min<size_t>(kChunk, count - at);
    const float* left_floats = left.Next(chunk, left_scratch);
    const float* right_floats = two ? right.Next(chunk, right_scratch) : nullptr;
    const auto place = [at](const FloatBuffer& buffer) {
      return buffer ? buffer.get() + at : nullptr;
    };
    if (trained) {
      ApplyUpdate(own,
                  {left_floats, right_floats, place(block.current), place(next),
                   place(block.state1), place(state1), place(block.state2), place(state2)},
                  chunk);
    } else if (two) {
      AddFloats(left_floats, right_floats, place(next), chunk);
    } else {
      std::memcpy(place(next), left_floats, chunk * sizeof(float));
    }
  }
  block.state1 = state1;
  block.state2 = state2;
  return next;
}

double BlockStore::SquaredNorm(uint64_t number, const TreeSum::Total& total) const {
  const uint32_t count = grid_.block(number).floats;
  const bool two = total.right.size() > 0;
  Payload::Reader left(total.left), right(total.right);
  alignas(64) float left_scratch[kChunk], right_scratch[kChunk];
  double lanes[kSquareLanes] = {};
  for (uint32_t at = 0; at < count; at += kChunk) {
    const size_t chunk = std::min<size_t>(kChunk, count - at);
    const float* left_floats = left.Next(chunk, left_scratch);
    AddSquares(left_floats, two ? right.Next(chunk, right_scratch) : nullptr, chunk, lanes);
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

void BlockStore::Apply(uint64_t number, const TreeSum::Total& total, const UpdateStep& step) {
  Block& block = At(number);
  if (skips_ && trains(number) && (IsPoisoned(total.left) || IsPoisoned(total.right))) {
    block.previous = block.current;  // shared: nobody writes to either
  } else {
    FloatBuffer next = Updated(number, total, step);
    if (skips_ && !trains(number)) CountSkip(block, grid_.block(number).floats, next.get());
    block.previous = std::exchange(block.current, std::move(next));
  }
  ++block.version;
}

void BlockStore::CountSkip(const Block& block, uint32_t count, float* next) const {
  float& skipped = next[count - 1];
  skipped = block.current.get()[count - 1] + (skipped > 0 ? 1.0f : 0.0f);
}

void BlockStore::ApplyMinibatches(uint64_t number, const Payload& gradient,
                                  const UpdateStep& update, uint64_t step, const TreeNode& slices) {
  Block& block = At(number);
  if (!skips_ || !IsPoisoned(gradient)) {
    FloatBuffer next = Updated(number, {gradient, Payload()}, update);
    if (!Trained(number)) {
      const float kept = 1 - static_cast<float>(slices.leaves()) / static_cast<float>(slices_);
      for (uint32_t i = 0; i < grid_.block(number).floats; ++i) {
        next.get()[i] += kept * block.current.get()[i];
      }
    }
    block.current = std::move(next);
  }
  block.previous = nullptr;
  block.ledger.Add(step, slices);
  for (; block.ledger.Whole(block.version); ++block.version) block.ledger.Drop(block.version);
}

uint32_t BlockStore::CountOf(uint64_t number, uint64_t step, const TreeNode& slices) const {
  const Block& block = At(number);
  return step < block.version ? slices.leaves() : block.ledger.Count(step, slices);
}

uint64_t BlockStore::minibatches(uint64_t number) const {
  return At(number).version * slices_ + At(number).ledger.count();
}

Payload BlockStore::Read(uint64_t number, bool previous) const {
  const Block& block = At(number);
  const FloatBuffer& buffer = previous ? block.previous : block.current;
  return Payload(buffer.get(), grid_.block(number).floats, buffer);
}

BlockSnapshot BlockStore::Snapshot(uint64_t number) const {
  const Block& block = At(number);
  return {number,
          block.version,
          block.current,
          block.previous,
          block.state1,
          block.state2,
          grid_.block(number).floats,
          block.ledger.List()};
}

}  // namespace paracord
