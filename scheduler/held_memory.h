// Memory on servers that jobs which have ended still hold. A server frees a shard when its plan
// says CLOSED or names it no more, and when what is under way in it is done; nobody else may count
// on that memory before its heartbeats show it.
#pragma once

#include "scheduler/job.h"
#include "scheduler/membership.h"

namespace paracord {

// Strikes from `job.held` what the last heartbeats show to be free. What was on another incarnation
// went with it; what is on a silent server stays until that server speaks or is started again, and
// keeps nobody waiting, as no plan is made with a silent server.
void CheckHeldMemory(Job& job, const Membership& members);

}  // namespace paracord
