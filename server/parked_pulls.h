// Pulls that wait for their version. Each is answered once: with its blocks, or with why not.
// Belongs to its shard's strand.
#pragma once

#include <functional>
#include <vector>

#include "common/base/crew.h"
#include "common/base/timer.h"
#include "common/rpc/shard.h"
#include "server/consistency.h"

namespace paracord {

class ParkedPulls {
 public:
  void Park(const pb::PullHeader& header, Callback<Payload> done, TimePoint now);

  using Judge = std::function<BulkSynchronous::Pull(const pb::PullHeader&)>;
  using Read = std::function<Payload(const pb::PullHeader&)>;
  // Answers those that `judge` no longer calls kLater, on threads of `crew`: to send is work too.
  void Answer(const Judge& judge, const Read& read, Crew& crew);
  // Those of plans below `plan`; readers, who have none, stay.
  void CancelBelow(uint64_t plan, const absl::Status& status);
  void CancelAll(const absl::Status& status);
  // DeadlineExceeded for those that have waited longer than a client's patience allows.
  void Expire(TimePoint now);

 private:
  struct Pull {
    pb::PullHeader header;
    Callback<Payload> done;
    TimePoint since;
  };
  // Takes out those for which `leaves` holds.
  std::vector<Pull> Remove(const std::function<bool(const Pull&)>& leaves);

  std::vector<Pull> pulls_;  // in order of arrival
};

}  // namespace paracord
