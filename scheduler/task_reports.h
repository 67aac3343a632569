// What tasks say of themselves, what their worker daemons say of their processes, and what follows
// for the job.
#pragma once

#include "absl/status/status.h"
#include "proto/coordinator.pb.h"
#include "scheduler/job.h"
#include "scheduler/membership.h"

namespace paracord {

// FailedPrecondition: the job's plan does not name this incarnation; the task is to exit.
// InvalidArgument: a number that no task can have; nothing is taken of such a report.
absl::Status TakeTaskReport(Job& job, const pb::TaskReport& report, Moment now);

// One process in the heartbeat of `worker`. Those of older plans change nothing.
//   0 after done                fine            1 to 127          the job fails
//   0 before done, or leaving   started again   128 + signal      started again, and counted;
//                                                                 three crashes at a step: it fails
// A backup that ends is left out of the next plan, however it ended.
void TakeTaskProcess(Job& job, const pb::TaskProcess& process, const KnownMember& worker,
                     Moment now);

// Slots that were given up are free once `worker`'s heartbeat lists their processes no more.
void TakeSlotsBack(Job& job, const KnownMember& worker);

// What follows from time and membership: tasks whose worker is gone are lost (the tasks of one
// worker count as one restart), a recorded failure whose process does not end takes effect, and a
// job whose tasks are all done is finished.
void CheckTasks(Job& job, const Membership& members, Moment now);

}  // namespace paracord
