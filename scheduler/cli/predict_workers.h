// Who predicts: the worker daemons of a cluster. Pure, but for what the scheduler is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/timer.h"
#include "proto/coordinator.pb.h"
#include "scheduler/cli/scheduler_client.h"

namespace paracord {

// Addresses, HOST:PORT, of the workers that are ready and not drained; those with the most free
// slots first, then by name. At most `most`.
std::vector<std::string> ReadyWorkers(const pb::ListNodesReply& nodes,
                                      std::optional<uint32_t> most);
absl::StatusOr<std::vector<std::string>> ReadyWorkers(SchedulerClient& scheduler,
                                                      std::optional<uint32_t> most,
                                                      TimePoint until);

}  // namespace paracord
