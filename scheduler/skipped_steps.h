// Lines in a job's history for steps that were skipped because a loss or a gradient was not finite:
// one a step, and not many. How many steps were skipped is counted by the servers, with the
// weights.
#pragma once

#include "proto/coordinator.pb.h"
#include "scheduler/job.h"

namespace paracord {

inline constexpr int kMostSkipsNoted = 20;  // in the part of the history that is kept

// What a task says of its own slices. A step that is noted already, as another slice of it was
// skipped too or it was computed again, is not noted again.
void NoteSkippedSteps(Job& job, const pb::TaskReport& report, Moment now);

}  // namespace paracord
