// What one pass of decisions looks at: all jobs, all members, one reading of the clocks.
#pragma once

#include "scheduler/job_table.h"
#include "scheduler/membership.h"
#include "scheduler/resources.h"

namespace paracord {

struct Situation {
  const JobTable& table;
  const Membership& members;
  uint32_t min_servers;
  Duration server_grace;  // after which a server is not waited for, if others can take over
  Moment now;

  // As of now within the pass: plans that it has published already count.
  Resources Available() const {
    return {members.Ready(pb::SERVER), members.Ready(pb::WORKER), min_servers,
            table.UsageOf(members), table.draining()};
  }
};

}  // namespace paracord
