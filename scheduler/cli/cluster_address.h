// Which cluster a command talks to: --scheduler, else $PARACORD_SCHEDULER, else the cluster that
// `up` started last, which is remembered in one file, ~/.local/state/paracord: {"dir": D,
// "scheduler": "HOST:PORT"}.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace paracord {

struct ClusterAddress {
  std::string address;  // HOST:PORT
  std::string source;   // where it comes from, for messages
};

struct ClusterPointer {
  std::string directory;
  std::string scheduler;
};

// ~/.local/state/paracord; empty if there is no home directory.
std::string PointerPath();
// Nothing if there is none, or none that can be read.
std::optional<ClusterPointer> ReadPointer(const std::string& path);
absl::Status WritePointer(const std::string& path, const ClusterPointer& pointer);
// Removes the pointer if it points to `directory`.
void RemovePointer(const std::string& path, const std::string& directory);

// The first of the three that is there (`flag`, `environment` may be empty).
// InvalidArgument: it is no HOST:PORT. Unavailable: none is there; the message says what to do.
absl::StatusOr<ClusterAddress> ResolveCluster(const std::string& flag,
                                              const std::string& environment,
                                              const std::string& pointer_path);

}  // namespace paracord
