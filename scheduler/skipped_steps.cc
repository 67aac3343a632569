#include "scheduler/skipped_steps.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/consistency_message.h"

namespace paracord {
namespace {

constexpr size_t kMostText = 1000;  // of a reason

bool IsSkip(const pb::Event& event) {
  return absl::StartsWith(event.text(), "step ") && absl::StrContains(event.text(), " skipped");
}

}  // namespace

void NoteSkippedSteps(Job& job, const pb::TaskReport& report, Moment now) {
  const auto& events = job.status().events();
  for (const pb::SkippedStep& skipped : report.skipped()) {
    const auto noted = std::count_if(events.begin(), events.end(), IsSkip);
    if (noted >= kMostSkipsNoted) return;
    const std::string step = absl::StrCat("step ", skipped.step(), " skipped");
    const bool known = std::any_of(events.begin(), events.end(), [&](const pb::Event& event) {
      return absl::StartsWith(event.text(), step);
    });
    if (known) continue;
    const bool whole = FromMessage(job.plan().consistency()).bsp();
    job.Note(absl::StrCat(step, whole ? ": " : " in part: ", skipped.why().substr(0, kMostText),
                          noted + 1 == kMostSkipsNoted ? "; further ones are only counted" : ""),
             now);
  }
}

}  // namespace paracord
