#include "worker/starting_point.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace paracord {

// Metrics are one version further than the last weights.
absl::Status CheckReply(const pb::QueryReply& reply, uint32_t slices, uint64_t total_steps) {
  const uint64_t last = total_steps + 1;
  if (reply.version() > last || reply.touched() > last) {
    return absl::InternalError(absl::StrCat("found version ", reply.version(), ", touched ",
                                            reply.touched(), " of a job of ", total_steps,
                                            " steps"));
  }
  uint64_t least = reply.version() * slices;
  for (const uint64_t done : reply.done()) {
    if (done < least || done >= last * slices) {
      return absl::InternalError(absl::StrCat("found minibatch ", done, " as done, expected one ",
                                              "of [", least, ", ", last * slices, ")"));
    }
    least = done + 1;
  }
  return absl::OkStatus();
}

StartingPoint StartOf(const std::vector<pb::QueryReply>& replies, uint32_t slices) {
  StartingPoint start{UINT64_MAX, 0, {}};
  for (const pb::QueryReply& reply : replies) {
    start.version = std::min<uint64_t>(start.version, reply.version());
    start.touched = std::max<uint64_t>(start.touched, reply.touched());
  }
  if (start.touched <= start.version) return start;  // every step is as bsp leaves it
  std::map<uint64_t, size_t> holders;                // of minibatches beyond the lowest version
  for (const pb::QueryReply& reply : replies) {
    const uint64_t end = std::min<uint64_t>(reply.version(), start.touched);
    for (uint64_t m = start.version * slices; m < end * slices; ++m) ++holders[m];
    for (const uint64_t m : reply.done()) ++holders[m];
  }
  for (const auto& [minibatch, count] : holders) {
    const bool touched = minibatch < start.touched * slices;
    if (count == replies.size() && touched) start.done.push_back(minibatch);
  }
  return start;
}

}  // namespace paracord
