// The one process that `up` leaves behind: it starts the daemons of a local cluster, starts a
// daemon that ended again within 200 ms, on its previous port and directory, and on SIGTERM stops
// workers, then servers, then the scheduler.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "scheduler/cli/directory_lock.h"
#include "scheduler/cli/local_cluster.h"

namespace paracord {

// How long the supervisor may take to stop everything: three times its daemons' grace, and a
// little.
inline constexpr seconds kDaemonGrace{10};
inline constexpr seconds kStopLimit{35};

// Forks the supervisor, in a session of its own, and returns its pid. It keeps `lock` until it
// ends; the caller's is closed. `binaries`: the folder of the daemons' programs. Call while this
// process has one thread.
absl::StatusOr<pid_t> ForkSupervisor(const LocalCluster& cluster, const std::string& binaries,
                                     DirectoryLock lock);

// Asks the supervisor of `directory` to stop everything and waits until it has. OK too if there is
// none. DeadlineExceeded: it did not in time.
absl::Status StopSupervisor(const std::string& directory);

}  // namespace paracord
