#include "server/lease_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace paracord {

void LeaseTable::Reset(std::set<uint32_t> ranks) {
  ranks_ = std::move(ranks);
  begun_ = false;
  done_.clear();
  last_.clear();
}

absl::StatusOr<pb::LeaseReply> LeaseTable::Take(const pb::LeaseRequest& request) {
  if (ranks_.count(request.rank()) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a lease of rank ", request.rank(), ", which the plan does not name"));
  }
  const auto known = last_.find(request.rank());
  const uint64_t number = known == last_.end() ? 0 : known->second.number;
  if (number > 0 && request.number() == number) return known->second.reply;
  if (request.number() != number + 1) {
    return absl::InvalidArgumentError(absl::StrCat("found lease ", request.number(), " of rank ",
                                                   request.rank(), ", expected ", number + 1));
  }
  if (request.most() == 0) return absl::InvalidArgumentError("found a lease of no minibatches");
  if (!begun_) RETURN_IF_ERROR(Begin(request));
  begun_ = true;
  Last& last = last_[request.rank()];
  last.number = request.number();
  last.reply = Next(request.most(), request.until());
  return last.reply;
}

absl::Status LeaseTable::Begin(const pb::LeaseRequest& request) {
  const uint64_t slices = tree_.leaves();
  const uint64_t most = UINT64_MAX / slices - 1;  // steps: minibatches are numbered
  if (request.version() > most || request.touched() > most || request.until() > most) {
    return absl::InvalidArgumentError(absl::StrCat("found version ", request.version(),
                                                   ", touched ", request.touched(), ", until ",
                                                   request.until(), ", expected at most ", most));
  }
  uint64_t least = request.version() * slices;
  for (const uint64_t done : request.done()) {
    if (done < least || done >= request.touched() * slices) {
      return absl::InvalidArgumentError(absl::StrCat("found minibatch ", done,
                                                     " as done, expected one of [", least, ", ",
                                                     request.touched() * slices, ")"));
    }
    least = done + 1;
  }
  next_ = request.version() * slices;
  touched_ = request.touched();
  done_.insert(request.done().begin(), request.done().end());
  return absl::OkStatus();
}

pb::LeaseReply LeaseTable::Next(uint32_t most, uint64_t until) {
  pb::LeaseReply reply;
  const auto add = [&](const TreeNode& node) {
    pb::LeaseReply::Sum* sum = reply.add_sums();
    sum->set_begin(node.begin);
    sum->set_end(node.end);
  };
  while (done_.erase(next_) > 0) ++next_;
  const uint64_t step = next_ / tree_.leaves();
  if (step >= until) return reply;
  reply.set_step(step);
  const auto first = static_cast<uint32_t>(next_ % tree_.leaves());
  if (step >= touched_) {
    const auto tasks = static_cast<uint32_t>(ranks_.size());  // one, at least: who asks
    const uint32_t share = (tree_.leaves() + tasks - 1) / tasks;
    const uint32_t end = first + std::min(std::max(most, share), tree_.leaves() - first);
    for (const TreeNode& node : tree_.Cover(first, end)) add(node);
    next_ += end - first;
    return reply;
  }
  for (uint32_t slice = first; slice < tree_.leaves(); ++slice, ++next_) {
    if (done_.erase(next_) > 0) continue;
    if (static_cast<uint32_t>(reply.sums_size()) == most) break;
    add({slice, slice + 1});
  }
  return reply;
}

}  // namespace paracord
