#include "scheduler/cli/live_process.h"

#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"

namespace paracord {
namespace {

// Only an address of this host can be bound.
bool CanBind(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool bound = bind(fd, address.ai_addr, address.ai_addrlen) == 0;
  close(fd);
  return bound;
}

// The words of its command line; none: it has ended.
std::vector<std::string> CommandOf(int64_t pid) {
  const auto text = ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
  if (!text.ok() || text->empty()) return {};
  return absl::StrSplit(*text, '\0');
}

bool IsOfKind(const std::vector<std::string>& command, const std::string& kind) {
  const bool is_task = std::find(command.begin(), command.end(), "--task") != command.end();
  const std::string program =
      absl::StrCat("paracord-", kind == "task" ? std::string("worker") : kind);
  return std::filesystem::path(command[0]).filename() == program && is_task == (kind == "task");
}

}  // namespace

bool IsOnThisHost(const std::string& address) {
  const auto parts = SplitAddress(address);
  if (!parts.ok()) return false;
  std::string host = parts->first;
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), "0", &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (CanBind(*each)) return true;
  }
  return false;
}

absl::Status CheckIdentity(const LiveProcess& process) {
  if (!IsOnThisHost(process.address)) {
    return absl::FailedPreconditionError(
        absl::StrCat(process.name, " runs at ", process.address,
                     ", which is not this host; run 'paracord chaos' there"));
  }
  if (process.pid <= 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(process.name, ": found pid ", process.pid, ", expected one above 1"));
  }
  const std::vector<std::string> command = CommandOf(process.pid);
  if (command.empty()) return absl::NotFoundError(absl::StrCat(process.name, " has ended"));
  if (IsOfKind(command, process.kind)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("pid ", process.pid, " should be the ",
                                                    process.kind, " ", process.name, ", but is '",
                                                    absl::StrJoin(command, " "), "'"));
}

absl::Status KillProcess(const LiveProcess& process) {
  RETURN_IF_ERROR(CheckIdentity(process));
  if (kill(static_cast<pid_t>(process.pid), SIGKILL) == 0) return absl::OkStatus();
  if (errno == ESRCH) return absl::NotFoundError(absl::StrCat(process.name, " has ended"));
  return absl::FailedPreconditionError(
      absl::StrCat(process.name, ", pid ", process.pid, ": ", std::strerror(errno)));
}

}  // namespace paracord
