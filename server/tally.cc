#include "server/tally.h"

#include <algorithm>
#include <limits>

namespace paracord {

void Tally::Know(uint64_t samples) {
  if (sampler_ || samples == 0) return;
  const JobSpec& spec = job_.spec;
  sampler_.emplace(spec.seed, samples, spec.batch_size, spec.virtual_workers);
  for (uint64_t block = range_.begin; block < range_.end; ++block) {
    if (job_.grid.kind(block) != TensorKind::kSum) trained_.push_back(block);
  }
}

uint64_t Tally::SizeOf(uint64_t step, uint32_t slice) const {
  const auto [begin, end] = SliceOf(sampler_->BatchSize(step), job_.spec.virtual_workers, slice);
  return end - begin;
}

void Tally::AddStep(uint64_t step, const std::vector<uint64_t>& blocks) {
  if (sampler_) Add(step, sampler_->BatchSize(step), blocks);
}

void Tally::AddMinibatches(uint64_t step, const TreeNode& slices,
                           const std::vector<uint64_t>& blocks) {
  if (!sampler_) return;
  uint64_t samples = 0;
  for (uint32_t slice = slices.begin; slice < slices.end; ++slice) samples += SizeOf(step, slice);
  Add(step, samples, blocks);
}

void Tally::Add(uint64_t step, uint64_t samples, const std::vector<uint64_t>& blocks) {
  if (blocks.empty()) return;
  const uint64_t epoch = sampler_->EpochOf(step);
  const auto [entry, begun] = epochs_.try_emplace(epoch);
  if (begun) Pack();
  Counts& counts = entry->second;
  if (counts.uneven.empty()) counts.uneven.assign(trained_.size(), counts.even);
  under_way_.insert(epoch);
  for (const uint64_t block : blocks) {
    const auto place = std::lower_bound(trained_.begin(), trained_.end(), block);
    counts.uneven[static_cast<size_t>(place - trained_.begin())] += samples;
  }
}

// Memory for each block only of the few epochs that are under way.
void Tally::Pack() {
  std::erase_if(under_way_, [this](uint64_t epoch) {
    Counts& counts = epochs_[epoch];
    const auto differs = [&](uint64_t samples) { return samples != counts.uneven.front(); };
    if (std::any_of(counts.uneven.begin(), counts.uneven.end(), differs)) return false;
    if (!counts.uneven.empty()) counts.even = counts.uneven.front();
    counts.uneven = {};
    return true;
  });
}

// By epoch: samples of the steps from the block's version on.
std::map<uint64_t, uint64_t> Tally::Beyond(const BlockStore& store, uint64_t block) const {
  std::map<uint64_t, uint64_t> samples;
  store.ledger(block).ForEach([&](uint64_t step, uint32_t slice) {
    samples[sampler_->EpochOf(step)] += SizeOf(step, slice);
  });
  return samples;
}

Tally::Epochs Tally::Count(const BlockStore& store) const {
  Epochs out;
  for (const auto& [epoch, counts] : epochs_) {
    pb::EpochTally* tally = out.Add();
    tally->set_epoch(epoch);
    tally->set_applied(std::numeric_limits<uint64_t>::max());  // until a block has less
  }
  for (size_t place = 0; place < trained_.size(); ++place) {
    const uint64_t block = trained_[place];
    const auto beyond = Beyond(store, block);
    auto tally = out.begin();
    for (const auto& [epoch, counts] : epochs_) {
      const auto ahead = beyond.find(epoch);
      const uint64_t recorded = sampler_->Applied(epoch, store.version(block)) +
                                (ahead == beyond.end() ? 0 : ahead->second);
      const uint64_t counted = counts.At(place), both = std::min(recorded, counted);
      tally->set_applied(std::min(tally->applied(), both));
      tally->set_repeated(std::max(tally->repeated(), counted - both));
      tally->set_lost(std::max(tally->lost(), recorded - both));
      ++tally;
    }
  }
  return out;
}

Tally::Epochs Tally::Stored(const BlockStore& store) const {
  Epochs out = Count(store);
  auto tally = out.begin();
  for (const auto& [epoch, counts] : epochs_) {
    for (size_t place = 0; place < trained_.size(); ++place) {
      const uint64_t samples = counts.At(place);
      if (tally->runs().empty() || tally->runs().rbegin()->samples() != samples) {
        tally->add_runs()->set_samples(samples);
      }
      pb::EpochTally::Run& run = *tally->mutable_runs()->rbegin();
      run.set_blocks(run.blocks() + 1);
    }
    ++tally;
  }
  return out;
}

void Tally::Restore(const Epochs& epochs, BlockRange blocks) {
  for (const pb::EpochTally& tally : epochs) {
    Counts& counts = epochs_[tally.epoch()];
    if (counts.uneven.empty()) counts.uneven.assign(trained_.size(), counts.even);
    under_way_.insert(tally.epoch());
    uint64_t block = blocks.begin;
    const uint64_t end = std::min(blocks.end, job_.grid.blocks());
    size_t place = 0;
    for (const pb::EpochTally::Run& run : tally.runs()) {
      for (uint64_t left = run.blocks(); left > 0 && block < end; ++block) {
        if (job_.grid.kind(block) == TensorKind::kSum) continue;
        --left;
        while (place < trained_.size() && trained_[place] < block) ++place;
        if (place < trained_.size() && trained_[place] == block) {
          counts.uneven[place] = run.samples();
        }
      }
    }
  }
  Pack();
}

}  // namespace paracord
