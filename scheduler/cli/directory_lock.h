// One live supervisor a folder: a lock on D/lock that ends with its holder, whatever ends it.
// D/supervisor.pid names the holder and means something only while the lock is held.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace paracord {

class DirectoryLock {
 public:
  // AlreadyExists: somebody holds it. The lock goes on in processes forked from this one, until all
  // have closed it; it is not inherited over exec.
  static absl::StatusOr<DirectoryLock> Take(const std::string& directory);
  // Is it held by anybody? False too if there is no such folder.
  static bool Held(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

// The pid in D/supervisor.pid, if there is one.
std::optional<pid_t> SupervisorPid(const std::string& directory);
std::string SupervisorPidPath(const std::string& directory);

}  // namespace paracord
