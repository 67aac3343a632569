#include "server/parked_pulls.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kLongestWait = seconds(10);  // below the client's deadline of 15 s

}  // namespace

void ParkedPulls::Park(const pb::PullHeader& header, Callback<Payload> done, TimePoint now) {
  pulls_.push_back({header, std::move(done), now});
}

std::vector<ParkedPulls::Pull> ParkedPulls::Remove(const std::function<bool(const Pull&)>& leaves) {
  const auto first = std::stable_partition(pulls_.begin(), pulls_.end(),
                                           [&](const Pull& pull) { return !leaves(pull); });
  std::vector<Pull> removed(std::make_move_iterator(first), std::make_move_iterator(pulls_.end()));
  pulls_.erase(first, pulls_.end());
  return removed;
}

void ParkedPulls::Answer(const Judge& judge, const Read& read, Crew& crew) {
  if (pulls_.empty()) return;
  const auto ready = [&](const Pull& pull) {
    return judge(pull.header) != BulkSynchronous::Pull::kLater;
  };
  for (const Pull& pull : Remove(ready)) {
    if (judge(pull.header) == BulkSynchronous::Pull::kGone) {
      pull.done(absl::OutOfRangeError(absl::StrCat("version ", pull.header.version(), " is gone")));
    } else {
      crew.Post([done = pull.done, floats = read(pull.header)](int) { done(floats); });
    }
  }
}

void ParkedPulls::CancelBelow(uint64_t plan, const absl::Status& status) {
  const auto older = [plan](const Pull& pull) {
    return pull.header.plan() != 0 && pull.header.plan() < plan;
  };
  for (const Pull& pull : Remove(older)) pull.done(status);
}

void ParkedPulls::CancelAll(const absl::Status& status) {
  for (const Pull& pull : Remove([](const Pull&) { return true; })) pull.done(status);
}

void ParkedPulls::Expire(TimePoint now) {
  const auto late = [now](const Pull& pull) { return now - pull.since >= kLongestWait; };
  for (const Pull& pull : Remove(late)) {
    pull.done(absl::DeadlineExceededError(
        absl::StrCat("version ", pull.header.version(), " is not there yet")));
  }
}

}  // namespace paracord
