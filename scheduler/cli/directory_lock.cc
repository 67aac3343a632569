#include "scheduler/cli/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/base/daemon.h"
#include "common/base/status.h"

namespace paracord {

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::strerror(errno)));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return DirectoryLock(fd);
  close(fd);
  return absl::AlreadyExistsError(absl::StrCat(path, " is held"));
}

bool DirectoryLock::Held(const std::string& directory) {
  const int fd = open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  return held;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

std::string SupervisorPidPath(const std::string& directory) {
  return directory + "/supervisor.pid";
}

std::optional<pid_t> SupervisorPid(const std::string& directory) {
  auto text = ReadFile(SupervisorPidPath(directory));
  int pid = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &pid) || pid <= 1) {
    return std::nullopt;
  }
  return pid;
}

}  // namespace paracord
