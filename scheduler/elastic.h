// Who gets free slots, and who gives some back: running jobs grow and shrink.
//
//   first   tasks that running jobs must have (`workers`; the least of a range) and have lost, or
//           have on workers that are being drained
//   then    the first pending job; for it, and for those, others give back what they have beyond
//           what they must have: backups, and the tasks of a range. The youngest job is asked first
//   then    running jobs, up to the most of their range, and then their backups
//
// A job is given more at most every 2 s, so that plans do not flap; a slot on its way back is
// counted as free, so that no more than needed is given. What a pending job can have is kept for it
// also while it waits for something else. Not thread-safe.
#pragma once

#include <vector>

#include "scheduler/situation.h"

namespace paracord {

// Tasks that are missing are placed on free slots; what is missing still is a wait.
void GrowBack(Job& job, const Situation& situation, std::vector<pb::Wait>& waits);

// What there is beside the free slots that running jobs miss tasks for, or have to move tasks to.
Resources Unclaimed(const Situation& situation);

// After all pending jobs that could start have started. `blocking`: the first that could not, or
// null. `only_slots`: nothing but slots is missing for it.
void ShareSlots(const Situation& situation, Job* blocking, bool only_slots);

}  // namespace paracord
