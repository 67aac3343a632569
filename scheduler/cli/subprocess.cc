#include "scheduler/cli/subprocess.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/child_process.h"
#include "common/base/status.h"

namespace paracord {
namespace {

// A file in memory: a program's whole input or output, so that no pipe can fill up and stop both
// sides.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("paracord", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }
  bool Write(const std::string& text) {
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t wrote = pwrite(fd_, text.data() + done, text.size() - done, done);
      if (wrote <= 0) return false;
      done += wrote;
    }
    return true;
  }
  std::string Read() const {
    std::string text;
    char buffer[1 << 16];
    ssize_t got;
    while ((got = pread(fd_, buffer, sizeof(buffer), text.size())) > 0) text.append(buffer, got);
    return text;
  }

 private:
  const int fd_;
};

}  // namespace

absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& command,
                                         const std::string& input) {
  MemoryFile files[3];
  if (files[0].fd() < 0 || files[1].fd() < 0 || files[2].fd() < 0 || !files[0].Write(input)) {
    return absl::ResourceExhaustedError(absl::StrCat("memory file: ", std::strerror(errno)));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&actions, files[i].fd(), i);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, command[0].c_str(), &actions, nullptr,
                                ArgumentPointers(command).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::NotFoundError(absl::StrCat(command[0], ": ", std::strerror(error)));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return ProgramResult{ExitNumber(status), files[1].Read(), files[2].Read()};
}

}  // namespace paracord
