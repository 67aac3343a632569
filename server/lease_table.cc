#include "server/lease_table.h"

#include "absl/strings/str_cat.h"

namespace paracord {

void LeaseTable::Reset() {
  begun_ = false;
  done_.clear();
  last_.clear();
}

absl::StatusOr<pb::LeaseReply> LeaseTable::Take(const pb::LeaseRequest& request) {
  Last& last = last_[request.rank()];
  if (request.number() > 0 && request.number() == last.number) return last.reply;
  if (request.number() != last.number + 1) {
    return absl::InvalidArgumentError(absl::StrCat("found lease ", request.number(), " of rank ",
                                                   request.rank(), ", expected ", last.number + 1));
  }
  if (!begun_) {
    begun_ = true;
    next_ = request.version() * slices_;
    done_.insert(request.done().begin(), request.done().end());
  }
  last.number = request.number();
  last.reply = Next(request.most(), request.until());
  return last.reply;
}

pb::LeaseReply LeaseTable::Next(uint64_t most, uint64_t until) {
  pb::LeaseReply reply;
  for (; next_ / slices_ < until; ++next_) {
    if (done_.erase(next_) > 0) continue;
    const uint64_t step = next_ / slices_;
    const bool full = static_cast<uint64_t>(reply.slices_size()) >= most;
    if (full || (reply.slices_size() > 0 && step != reply.step())) break;
    reply.set_step(step);
    reply.add_slices(static_cast<uint32_t>(next_ % slices_));
  }
  return reply;
}

}  // namespace paracord
