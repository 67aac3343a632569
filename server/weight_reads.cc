#include "server/weight_reads.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr uint64_t kMostCounted = 1023;  // steps of staleness

}  // namespace

pb::PullHeader ReadAfter(const pb::PushHeader& push) {
  pb::PullHeader pull;
  pull.set_plan(push.plan());
  pull.set_version(AnsweredVersion(push));
  pull.set_newest(push.minibatch() && push.next_step() < push.total_steps());
  pull.set_block_begin(push.block_begin());
  pull.set_block_end(push.block_end());
  return pull;
}

void WeightReads::Follow(const ConsistencySpec& consistency) {
  const bool bounded = consistency.mode == ConsistencySpec::Mode::kSsp;
  rule_.bound = bounded ? consistency.staleness : BoundedStaleness::kUnbounded;
}

void WeightReads::Take(const pb::PullHeader& header, Callback<Payload> done) {
  switch (Judge(header)) {
    case BulkSynchronous::Pull::kLater:
      return parked_.Park(header, std::move(done), timer_.Now());
    case BulkSynchronous::Pull::kGone:
      return done(absl::OutOfRangeError(absl::StrCat("version ", header.version(), " of blocks [",
                                                     header.block_begin(), ", ", header.block_end(),
                                                     ") is gone")));
    case BulkSynchronous::Pull::kCurrent:
    case BulkSynchronous::Pull::kPrevious:
      return done(Read(header));
  }
}

void WeightReads::AnswerWaiting() {
  parked_.Answer([this](const pb::PullHeader& header) { return Judge(header); },
                 [this](const pb::PullHeader& header) { return Read(header); }, crew_);
}

uint64_t WeightReads::Staleness(const pb::PullHeader& header) const {
  uint64_t lowest = header.version();
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    lowest = std::min(lowest, store_->version(block));
  }
  return BoundedStaleness::Of(header.version(), lowest);
}

BulkSynchronous::Pull WeightReads::Judge(const pb::PullHeader& header) const {
  using Pull = BulkSynchronous::Pull;
  if (header.newest()) {
    return Staleness(header) <= rule_.bound ? Pull::kCurrent : Pull::kLater;
  }
  Pull worst = Pull::kCurrent;
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    worst = std::max(worst, BulkSynchronous::ForPull(header.version(), store_->version(block),
                                                     store_->has_previous(block)));
  }
  return worst;
}

Payload WeightReads::Read(const pb::PullHeader& header) {
  if (header.newest()) {
    const uint64_t staleness = std::min(Staleness(header), kMostCounted);
    if (staleness_counts_.size() <= staleness) staleness_counts_.resize(staleness + 1);
    ++staleness_counts_[staleness];
  }
  Payload out;
  for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
    const bool previous = !header.newest() && header.version() < store_->version(block);
    out.Append(store_->Read(block, previous));
  }
  return out;
}

}  // namespace paracord
