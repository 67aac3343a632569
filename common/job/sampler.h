// Which samples step t uses: a seeded permutation of each epoch, cut into batches, each batch cut
// into slices. Pure: the indices of (step, slice) depend on (seed, samples, batch_size,
// virtual_workers) alone.
//
// The last batch of an epoch is short and keeps every sample. Slice v of a batch of B is
// [floor(vB/V), floor((v+1)B/V)); it may be empty. The permutation is a keyed Feistel network over
// the next power of four, walked until it lands inside (Black and Rogaway, "Ciphers with Arbitrary
// Finite Domains", CT-RSA 2002, section 3): no memory, any index in O(1).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace paracord {

// [first, last) of slice `slice` out of `slices` over `count` things.
std::pair<uint64_t, uint64_t> SliceOf(uint64_t count, uint32_t slices, uint32_t slice);

// A data set has at most so many samples.
inline constexpr uint64_t kMostSamples = uint64_t{1} << 62;

class Sampler {
 public:
  // All but the seed at least 1: an empty data set is refused by whoever reads it.
  Sampler(uint64_t seed, uint64_t samples, uint64_t batch_size, uint32_t virtual_workers);

  uint64_t samples() const { return samples_; }
  uint64_t steps_per_epoch() const { return (samples_ + batch_size_ - 1) / batch_size_; }
  uint64_t EpochOf(uint64_t step) const { return step / steps_per_epoch(); }
  // True size of the step's batch: gradients are scaled by 1 / this.
  uint64_t BatchSize(uint64_t step) const;
  // Samples of the largest slice of any step.
  uint64_t LargestSlice() const;
  // Indices of the samples of slice `virtual_worker` of step `step`, in order.
  std::vector<uint64_t> Slice(uint64_t step, uint32_t virtual_worker) const;
  // Samples of epoch `epoch` used by the steps before `step`.
  uint64_t Applied(uint64_t epoch, uint64_t step) const;
  // Samples used by the steps before `step`, each time that one is.
  uint64_t SamplesBefore(uint64_t step) const;

 private:
  uint64_t stream_;  // the seed, mixed with a label of its own
  uint64_t samples_, batch_size_;
  uint32_t virtual_workers_;
  uint32_t half_bits_;  // each Feistel half
};

}  // namespace paracord
