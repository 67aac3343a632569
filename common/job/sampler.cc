#include "common/job/sampler.h"

#include <algorithm>
#include <array>

#include "common/base/philox.h"
#include "common/base/status.h"

namespace paracord {
namespace {

// Four rounds are enough on a large domain (Luby and Rackoff, 1988); the small ones, where a half
// is a bit or two, need more to reach every permutation about equally often.
constexpr int kRounds = 12;
constexpr uint64_t kStream =
    0x73616d706c657221ull;  // "sampler!": apart from what else is drawn from the seed

using RoundKeys = std::array<uint64_t, kRounds>;

// `stream`: the seed's, already mixed with kStream. The rounds' keys are a Weyl sequence from the
// epoch's key.
RoundKeys KeysOf(uint64_t stream, uint64_t epoch) {
  uint64_t key = MixKey(stream, epoch);
  RoundKeys keys;
  for (uint64_t& round : keys) round = key += 0xa0761d6478bd642full;
  return keys;
}

// The top bits of a product by an odd number depend on all of the bits below them; twice makes up
// for small halves.
uint64_t Scramble(uint64_t half, uint64_t key) {
  uint64_t x = (half ^ key) * 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
  return x >> 32;
}

// A permutation of [0, 4^half_bits).
uint64_t Feistel(const RoundKeys& keys, uint32_t half_bits, uint64_t value) {
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  uint64_t left = value >> half_bits, right = value & mask;
  for (const uint64_t key : keys) {
    const uint64_t next = left ^ (Scramble(right, key) & mask);
    left = right;
    right = next;
  }
  return (left << half_bits) | right;
}

// Restricted to [0, samples) by walking on from values outside; ends, as the walk is a cycle
// through `value` itself.
uint64_t Walk(const RoundKeys& keys, uint32_t half_bits, uint64_t samples, uint64_t value) {
  do {
    value = Feistel(keys, half_bits, value);
  } while (value >= samples);
  return value;
}

}  // namespace

std::pair<uint64_t, uint64_t> SliceOf(uint64_t count, uint32_t slices, uint32_t slice) {
  // floor(slice * count / slices) without the product's overflow.
  const auto cut = [&](uint64_t s) { return count / slices * s + count % slices * s / slices; };
  return {cut(slice), cut(uint64_t{slice} + 1)};
}

Sampler::Sampler(uint64_t seed, uint64_t samples, uint64_t batch_size, uint32_t virtual_workers)
    : stream_(MixKey(seed, kStream)),
      samples_(samples),
      batch_size_(std::min(batch_size, samples)),
      virtual_workers_(virtual_workers),
      half_bits_(1) {
  PARACORD_CHECK(samples > 0 && samples <= kMostSamples);
  PARACORD_CHECK(batch_size > 0 && virtual_workers > 0);
  while (uint64_t{1} << (2 * half_bits_) < samples) ++half_bits_;
}

uint64_t Sampler::BatchSize(uint64_t step) const {
  const uint64_t first = step % steps_per_epoch() * batch_size_;
  return std::min(batch_size_, samples_ - first);
}

uint64_t Sampler::LargestSlice() const {
  return batch_size_ / virtual_workers_ + (batch_size_ % virtual_workers_ > 0 ? 1 : 0);
}

std::vector<uint64_t> Sampler::Slice(uint64_t step, uint32_t virtual_worker) const {
  const RoundKeys keys = KeysOf(stream_, EpochOf(step));
  const uint64_t first = step % steps_per_epoch() * batch_size_;
  const auto [begin, end] = SliceOf(BatchSize(step), virtual_workers_, virtual_worker);
  std::vector<uint64_t> out;
  out.reserve(end - begin);
  for (uint64_t i = begin; i < end; ++i) {
    out.push_back(Walk(keys, half_bits_, samples_, first + i));
  }
  return out;
}

uint64_t Sampler::SamplesBefore(uint64_t step) const {
  const uint64_t epoch = EpochOf(step);
  return epoch * samples_ + Applied(epoch, step);
}

uint64_t Sampler::Applied(uint64_t epoch, uint64_t step) const {
  const uint64_t steps = steps_per_epoch();
  if (EpochOf(step) < epoch) return 0;
  if (EpochOf(step) > epoch) return samples_;
  return step % steps * batch_size_;
}

}  // namespace paracord
