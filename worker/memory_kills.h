// Did the kernel end a process because memory ran out? It tells nobody, but it counts: the kills in
// a memory cgroup (v2: memory.events, v1: memory.oom_control) and those on the whole host
// (/proc/vmstat), which are also those of cgroups that somebody moved a process to.
//
// A count that has risen when a process is found dead by SIGKILL, a moment ago and for nobody else,
// is taken for its end. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/timer.h"

namespace paracord {

class MemoryKills {
 public:
  // Reads the kernel's files below `root`: "" on this host. Where there are none, nothing is ever
  // explained.
  explicit MemoryKills(const std::string& root = "");

  // To be called all the time, so that it is known when a count rises.
  void Look(TimePoint now);
  // A process has just been found dead by SIGKILL. True: for want of memory. Looks, too.
  bool Explains(TimePoint now);

 private:
  struct Count {
    std::string file;  // empty: there is none
    uint64_t last = 0;
    uint64_t Rise();  // since it was asked before
  };

  Count group_, host_;
  uint64_t unexplained_ = 0;  // kills
  TimePoint rose_at_{};
};

}  // namespace paracord
