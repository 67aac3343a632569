#include "common/job/sampler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

namespace paracord {
namespace {

using Indices = std::vector<uint64_t>;

// The epoch's permutation: one batch, one slice.
Indices Epoch(uint64_t seed, uint64_t samples, uint64_t epoch) {
  return Sampler(seed, samples, samples, 1).Slice(epoch, 0);
}

// All slices of all steps [first, last), in order.
Indices Steps(const Sampler& sampler, uint32_t virtual_workers, uint64_t first, uint64_t last) {
  Indices out;
  for (uint64_t step = first; step < last; ++step) {
    for (uint32_t v = 0; v < virtual_workers; ++v) {
      const Indices slice = sampler.Slice(step, v);
      out.insert(out.end(), slice.begin(), slice.end());
    }
  }
  return out;
}

bool IsPermutation(Indices indices, uint64_t samples) {
  std::sort(indices.begin(), indices.end());
  Indices all(samples);
  std::iota(all.begin(), all.end(), 0);
  return indices == all;
}

TEST_CASE("slices are adjacent, cover the batch, and differ by one sample at most") {
  for (const uint64_t count : {0, 1, 5, 7, 8, 100, 255, 256, 60000}) {
    for (const uint32_t slices : {1, 2, 3, 7, 8, 64, 4096}) {
      uint64_t at = 0;
      bool good = true;
      for (uint32_t v = 0; v < slices; ++v) {
        const auto [begin, end] = SliceOf(count, slices, v);
        good = good && begin == at && begin == v * count / slices &&
               end - begin >= count / slices && end - begin <= count / slices + 1;
        at = end;
      }
      CAPTURE(count, slices);
      CHECK(good);
      CHECK(at == count);
    }
  }
}

TEST_CASE("slices of a count near 2^64 do not overflow") {
  CHECK(SliceOf(~0ull, 4096, 4095).second == ~0ull);
  CHECK(SliceOf(uint64_t{1} << 63, 4, 2) ==
        std::pair<uint64_t, uint64_t>(uint64_t{1} << 62, uint64_t{3} << 61));
}

TEST_CASE("every epoch is a permutation of the samples") {
  for (const uint64_t samples : {1, 2, 3, 4, 5, 16, 17, 1000, 60000}) {
    for (const uint64_t seed : {0, 1, 17}) {
      for (uint64_t epoch = 0; epoch < 3; ++epoch) {
        CAPTURE(samples, seed, epoch);
        CHECK(IsPermutation(Epoch(seed, samples, epoch), samples));
      }
    }
  }
}

TEST_CASE("the steps of an epoch use each sample exactly once, in the order of the permutation") {
  for (const uint64_t samples : {1, 2, 3, 5, 1000, 60000}) {
    for (const uint64_t batch : {1, 7, 256, 100000}) {
      if (samples / batch > 1000) continue;
      const Sampler sampler(17, samples, batch, 8);
      const uint64_t steps = sampler.steps_per_epoch();
      CAPTURE(samples, batch);
      CHECK(steps == (samples + batch - 1) / batch);
      for (uint64_t epoch = 0; epoch < 2; ++epoch) {
        CHECK(Steps(sampler, 8, epoch * steps, (epoch + 1) * steps) == Epoch(17, samples, epoch));
      }
    }
  }
}

TEST_CASE("a batch is the same samples in the same order for any number of virtual workers") {
  const Sampler one(5, 1000, 96, 1);
  for (const uint32_t virtual_workers : {2, 3, 8, 64, 200}) {
    const Sampler many(5, 1000, 96, virtual_workers);
    for (uint64_t step = 0; step < 25; ++step) {
      CAPTURE(virtual_workers, step);
      CHECK(Steps(many, virtual_workers, step, step + 1) == one.Slice(step, 0));
    }
  }
}

TEST_CASE(
    "the last batch of an epoch is short and keeps every sample; the next epoch is whole again") {
  const Sampler sampler(1, 1000, 96, 8);
  CHECK(sampler.steps_per_epoch() == 11);
  CHECK(sampler.BatchSize(9) == 96);
  CHECK(sampler.BatchSize(10) == 40);
  CHECK(sampler.BatchSize(11) == 96);
  CHECK(sampler.BatchSize(21) == 40);
  CHECK(sampler.EpochOf(10) == 0);
  CHECK(sampler.EpochOf(11) == 1);
  CHECK(Sampler(1, 10, 10, 8).BatchSize(3) == 10);
  CHECK(Sampler(1, 10, 64, 8).BatchSize(3) == 10);
}

TEST_CASE("the largest slice is that of some step, and a batch beyond the data is all of them") {
  for (const uint64_t samples : {1, 5, 61, 1000}) {
    for (const uint64_t batch : {uint64_t{1}, uint64_t{7}, uint64_t{256}, uint64_t{1} << 62}) {
      for (const uint32_t virtual_workers : {1, 3, 8}) {
        const Sampler sampler(1, samples, batch, virtual_workers);
        size_t largest = 0;
        for (uint64_t step = 0; step < sampler.steps_per_epoch(); ++step) {
          for (uint32_t v = 0; v < virtual_workers; ++v) {
            largest = std::max(largest, sampler.Slice(step, v).size());
          }
        }
        CAPTURE(samples, batch, virtual_workers);
        CHECK(sampler.LargestSlice() == largest);
      }
    }
  }
}

TEST_CASE("applied counts an epoch's samples before a step, before, in and after the epoch") {
  const Sampler sampler(1, 1000, 96, 8);
  uint64_t applied[3] = {0, 0, 0};
  for (uint64_t step = 0; step < 40; ++step) {
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      CAPTURE(step, epoch);
      CHECK(sampler.Applied(epoch, step) == applied[epoch]);
    }
    if (sampler.EpochOf(step) < 3) applied[sampler.EpochOf(step)] += sampler.BatchSize(step);
  }
}

TEST_CASE("epochs and seeds have orders of their own, unlike one another and unlike the file's") {
  for (const uint64_t samples : {1000, 60000}) {
    const Indices first = Epoch(17, samples, 0), second = Epoch(17, samples, 1),
                  seeded = Epoch(18, samples, 0);
    uint64_t fixed = 0, second_same = 0, seeded_same = 0;
    for (uint64_t i = 0; i < samples; ++i) {
      fixed += first[i] == i;
      second_same += first[i] == second[i];
      seeded_same += first[i] == seeded[i];
    }
    // Random permutations agree in one place on average, and in more than ten once in 10^8.
    CHECK(fixed <= 10);
    CHECK(second_same <= 10);
    CHECK(seeded_same <= 10);
  }
}

TEST_CASE("every sample is as likely at every position") {
  constexpr uint64_t kEpochs = 6000;
  for (const uint64_t samples : {2, 3, 5, 16, 17}) {
    std::vector<double> counts(samples * samples);
    for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
      const Indices order = Epoch(9, samples, epoch);
      for (uint64_t i = 0; i < samples; ++i) ++counts[i * samples + order[i]];
    }
    const double expected = static_cast<double>(kEpochs) / samples;
    double worst = 0;
    for (const double count : counts) worst = std::max(worst, std::fabs(count - expected));
    CAPTURE(samples);
    CHECK(worst < 5 * std::sqrt(expected));
  }
}

TEST_CASE("all orders of four samples come about equally often") {
  std::map<Indices, int> orders;
  for (uint64_t epoch = 0; epoch < 24000; ++epoch) ++orders[Epoch(11, 4, epoch)];
  CHECK(orders.size() == 24);
  for (const auto& [order, count] : orders) {
    CHECK(count > 1000 - 6 * 32);
    CHECK(count < 1000 + 6 * 32);
  }
}

TEST_CASE("samples that are neighbours in the file are scattered over the batches") {
  // Data files are often sorted by class. Of 256 of 60000 in random order, each tenth of the file
  // has 25.6 on average.
  const Sampler sampler(17, 60000, 256, 1);
  int worst = 0;
  for (uint64_t step = 0; step < 234; ++step) {
    std::vector<int> tenths(10);
    for (const uint64_t index : sampler.Slice(step, 0)) ++tenths[index / 6000];
    worst = std::max(worst, *std::max_element(tenths.begin(), tenths.end()));
  }
  CHECK(worst < 26 + 6 * 5);
}

}  // namespace
}  // namespace paracord
