// Looks at every job and does what follows from who is there: the scheduler's decisions, all in one
// pass.
//
// Running jobs come first, in the order of their submission; then the first pending job starts if
// its whole gang fits, and the next, until one does not; the jobs behind that one do not overtake
// it. Free slots that nobody needs go to jobs that can use more (elastic.h), and slow tasks are
// helped (stragglers.h). Not thread-safe.
#pragma once

#include "scheduler/situation.h"

namespace paracord {

void Reconcile(const Situation& situation);

// The job cannot run here even if nothing else did: ResourceExhausted, with the sums.
absl::Status CheckEverFits(const Job& job, const Membership& members, uint32_t min_servers);

}  // namespace paracord
