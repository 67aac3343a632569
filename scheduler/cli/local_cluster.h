// The folder of a local cluster and what is in it:
//
//   D/cluster.json                        {"servers", "workers", "slots"} of the last `up`
//   D/lock  supervisor.pid  supervisor.log
//   D/NAME/config.yaml  log  address ...   one folder a daemon: scheduler, server-0, worker-0, ...
//
// A daemon writes NAME/address once it is bound; from its next start on that is the `bind` in its
// config.yaml, so that it comes back where others look for it. What else somebody wrote into a
// config.yaml stays. The host's GPUs are worker-0's: `gpus` and `gpu_memory_fraction` in its
// config.yaml say how they are offered.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

struct ClusterSize {
  uint32_t servers = 1;
  uint32_t workers = 1;
  uint32_t slots = 1;  // a worker
};

struct LocalMember {
  std::string name;       // "server-1"
  std::string role;       // "server"
  std::string directory;  // D/server-1

  std::string ConfigPath() const { return directory + "/config.yaml"; }
  std::string LogPath() const { return directory + "/log"; }
  std::string AddressPath() const { return directory + "/address"; }
};

class LocalCluster {
 public:
  // `directory`: absolute.
  // `chaos`: from here on `paracord chaos` may kill its processes.
  LocalCluster(std::string directory, ClusterSize size, bool chaos = false)
      : directory_(std::move(directory)), size_(size), chaos_(chaos) {}

  const std::string& directory() const { return directory_; }
  const ClusterSize& size() const { return size_; }
  LocalMember Scheduler() const { return Member("scheduler", "scheduler"); }
  std::vector<LocalMember> Others() const;  // servers, then workers
  std::string LogPath() const { return directory_ + "/supervisor.log"; }

  // Makes the folders and remembers the size.
  absl::Status Create() const;
  // Writes config.yaml as it has to be for the next start. `scheduler`: its address; empty for the
  // scheduler itself. The previous port is taken again if there was one; with `free_port_if_taken`
  // only while nobody else has it.
  absl::Status Configure(const LocalMember& member, const std::string& scheduler,
                         bool free_port_if_taken) const;

 private:
  LocalMember Member(const std::string& role, const std::string& name) const {
    return {name, role, directory_ + "/" + name};
  }

  const std::string directory_;
  const ClusterSize size_;
  const bool chaos_;
};

// An absolute path without a slash at its end: the same name for the same folder each time.
std::string AbsoluteDirectory(const std::string& path);

// What the last `up` in `directory` had; the default if there was none.
ClusterSize RememberedSize(const std::string& directory);

// The address a member wrote, "HOST:PORT"; empty: not bound yet.
std::string WrittenAddress(const LocalMember& member);

// Threads for each slot, so that all slots together use the cores once: at least 1.
uint32_t ThreadsPerSlot(uint32_t cores, const ClusterSize& size);

}  // namespace paracord
