// A process that the cluster says it has, as the host knows it: is it on this host, and is it what
// it is said to be? A pid alone proves neither: it may be another host's, or somebody else's by
// now.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace paracord {

struct LiveProcess {
  std::string kind;     // "worker", "server", "scheduler", "task"
  std::string name;     // "server-1"; of a task "JOB.RANK"
  std::string address;  // of its daemon, HOST:PORT
  int64_t pid = 0;
};

// Whether HOST of "HOST:PORT" is one of this host's names or addresses.
bool IsOnThisHost(const std::string& address);

// FailedPrecondition: it runs on another host, or its pid is not that of a Paracord program of its
// kind; the message has the command line that was found.
absl::Status CheckIdentity(const LiveProcess& process);

// SIGKILL, after CheckIdentity. NotFound: it has ended already.
absl::Status KillProcess(const LiveProcess& process);

}  // namespace paracord
