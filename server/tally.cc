#include "server/tally.h"

#include <algorithm>
#include <limits>

namespace paracord {

void Tally::Know(uint64_t samples) {
  if (sampler_ || samples == 0) return;
  sampler_.emplace(spec_.seed, samples, spec_.batch_size, spec_.virtual_workers);
}

uint64_t Tally::SizeOf(uint64_t step, uint32_t slice) const {
  const auto [begin, end] = SliceOf(sampler_->BatchSize(step), spec_.virtual_workers, slice);
  return end - begin;
}

void Tally::AddStep(uint64_t step, uint64_t blocks) {
  if (sampler_ && blocks > 0) {
    applications_[sampler_->EpochOf(step)] += sampler_->BatchSize(step) * blocks;
  }
}

void Tally::AddMinibatches(uint64_t step, const TreeNode& slices, uint64_t blocks) {
  if (!sampler_ || blocks == 0) return;
  for (uint32_t slice = slices.begin; slice < slices.end; ++slice) {
    applications_[sampler_->EpochOf(step)] += SizeOf(step, slice) * blocks;
  }
}

google::protobuf::RepeatedPtrField<pb::EpochTally> Tally::Count(const BlockStore& store) const {
  google::protobuf::RepeatedPtrField<pb::EpochTally> out;
  if (!sampler_) return out;
  for (const auto& [epoch, applications] : applications_) {
    pb::EpochTally* tally = out.Add();
    tally->set_epoch(epoch);
    tally->set_applications(applications);
    uint64_t recorded = 0, least = std::numeric_limits<uint64_t>::max();
    for (uint64_t block = store.range().begin; block < store.range().end; ++block) {
      if (!store.trains(block)) continue;
      uint64_t samples = sampler_->Applied(epoch, store.version(block));
      for (const uint64_t minibatch : store.ledger(block).List()) {
        const uint64_t step = minibatch / spec_.virtual_workers;
        if (sampler_->EpochOf(step) != epoch) continue;
        samples += SizeOf(step, static_cast<uint32_t>(minibatch % spec_.virtual_workers));
      }
      recorded += samples;
      least = std::min(least, samples);
    }
    tally->set_recorded(recorded);
    tally->set_applied(recorded == 0 ? 0 : least);
  }
  return out;
}

void Tally::Restore(const google::protobuf::RepeatedPtrField<pb::EpochTally>& epochs) {
  for (const pb::EpochTally& tally : epochs) applications_[tally.epoch()] = tally.applications();
}

}  // namespace paracord
