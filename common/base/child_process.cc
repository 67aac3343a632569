#include "common/base/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/status.h"

namespace paracord {
namespace {

std::vector<std::string> Environment(const std::vector<std::string>& extra) {
  std::vector<std::string> out = extra;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = std::string(*entry).substr(0, std::string(*entry).find('=') + 1);
    bool replaced = false;
    for (const std::string& word : extra) replaced |= word.compare(0, name.size(), name) == 0;
    if (!replaced) out.push_back(*entry);
  }
  return out;
}

// Between fork and exec: only calls that are safe there. Comes with all signals blocked: one that
// arrives before the parent's handlers are gone would run them here.
[[noreturn]] void BecomeProgram(char* const* arguments, char* const* environment, int input,
                                int log, int death_signal, pid_t parent) {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, death_signal);
  if (getppid() != parent) _exit(1);  // it died before prctl
  if (input >= 0) {
    dup2(input, STDIN_FILENO);
    fcntl(STDIN_FILENO, F_SETFD, 0);  // if it has been that one before
  }
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(arguments[0], arguments, environment);
  constexpr char kMessage[] = "cannot be executed\n";
  (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(127);
}

}  // namespace

absl::StatusOr<pid_t> StartChild(const std::vector<std::string>& command, const std::string& log,
                                 int death_signal,
                                 const std::vector<std::string>& extra_environment, int input) {
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(log, ": ", std::strerror(errno)));
  const std::vector<std::string> environment = Environment(extra_environment);
  const std::vector<char*> arguments = ArgumentPointers(command);
  const std::vector<char*> variables = ArgumentPointers(environment);
  const pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(arguments.data(), variables.data(), input, fd, death_signal, parent);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(fd);
  if (pid < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(error)));
  return pid;
}

std::vector<char*> ArgumentPointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int ExitNumber(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

std::string BinaryDirectory() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

}  // namespace paracord
