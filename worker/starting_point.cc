#include "worker/starting_point.h"

#include <algorithm>

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
  // What all have the shard that is furthest behind tells, one by one.
  const pb::QueryReply& last =
      *std::min_element(replies.begin(), replies.end(),
                        [](const auto& a, const auto& b) { return a.version() < b.version(); });
  for (const uint64_t m : last.done()) {
    if (m >= start.touched * slices) break;
    const bool all = std::all_of(replies.begin(), replies.end(), [&](const auto& reply) {
      return m < reply.version() * slices ||
             std::binary_search(reply.done().begin(), reply.done().end(), m);
    });
    if (all) start.done.push_back(m);
  }
  return start;
}

}  // namespace paracord
