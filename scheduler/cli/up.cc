#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "scheduler/cli/directory_lock.h"
#include "scheduler/cli/local_cluster.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/supervisor.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

constexpr seconds kStartLimit{30};
constexpr size_t kTailLines = 10;

absl::Status CheckPrograms(const std::string& binaries) {
  for (const char* name : {"paracord-scheduler", "paracord-server", "paracord-worker"}) {
    const std::string path = absl::StrCat(binaries, "/", name);
    if (access(path.c_str(), X_OK) != 0) {
      return absl::NotFoundError(absl::StrCat(path, " is missing; it belongs beside paracord"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DirectoryLock> LockFor(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(directory, ": ", error.message()));
  auto lock = DirectoryLock::Take(directory);
  if (!absl::IsAlreadyExists(lock.status())) return lock;
  const auto pid = SupervisorPid(directory);
  return absl::AlreadyExistsError(
      absl::StrCat("a cluster is running in ", directory, " (supervisor pid ",
                   pid.has_value() ? absl::StrCat(*pid) : "not known yet",
                   "); stop it with 'paracord down --dir ", directory, "'"));
}

ClusterSize SizeFor(const std::string& directory, const UpArguments& arguments) {
  ClusterSize size = RememberedSize(directory);
  size.servers = arguments.servers.value_or(size.servers);
  size.workers = arguments.workers.value_or(size.workers);
  size.slots = arguments.slots.value_or(size.slots);
  return size;
}

// Who is not there.
std::vector<LocalMember> Missing(const LocalCluster& cluster, SchedulerClient* scheduler) {
  std::set<std::string> ready;
  if (scheduler != nullptr) {
    const auto nodes = scheduler->ListNodes(Clock::now());
    const pb::ListNodesReply members = nodes.value_or(pb::ListNodesReply());
    if (nodes.ok()) ready.insert(cluster.Scheduler().name);
    for (const pb::Node& node : members.nodes()) {
      if (node.pid() > 0) ready.insert(node.id());
    }
  }
  std::vector<LocalMember> missing;
  if (!ready.contains(cluster.Scheduler().name)) missing.push_back(cluster.Scheduler());
  for (const LocalMember& member : cluster.Others()) {
    if (!ready.contains(member.name)) missing.push_back(member);
  }
  return missing;
}

std::string LogTail(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return "  (no log)\n";
  std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipEmpty());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());  // it was started many times
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  return lines.empty() ? "  (its log is empty)\n"
                       : absl::StrCat("  ", absl::StrJoin(lines, "\n  "), "\n");
}

// The scheduler's address once all members are ready. DeadlineExceeded: they are not; the message
// has their last words.
absl::StatusOr<std::string> WaitUntilReady(const Context& context, const LocalCluster& cluster) {
  const TimePoint until = Clock::now() + kStartLimit;
  std::unique_ptr<SchedulerClient> scheduler;
  while (true) {
    const std::string address = WrittenAddress(cluster.Scheduler());
    if (!address.empty() && (scheduler == nullptr || scheduler->address() != address)) {
      scheduler = std::make_unique<SchedulerClient>(ClusterAddress{address, "up"},
                                                    context.connect(address));
    }
    const std::vector<LocalMember> missing = Missing(cluster, scheduler.get());
    if (missing.empty()) return address;
    if (!DirectoryLock::Held(cluster.directory())) {
      return absl::InternalError(absl::StrCat("the supervisor has ended; last lines of ",
                                              cluster.LogPath(), ":\n",
                                              LogTail(cluster.LogPath())));
    }
    if (Clock::now() < until) {
      Pause(milliseconds(50));
      continue;
    }
    std::string message = "not ready in time:\n";
    for (const LocalMember& member : missing) {
      absl::StrAppend(&message, member.name, ", last lines of ", member.LogPath(), ":\n",
                      LogTail(member.LogPath()));
    }
    return absl::DeadlineExceededError(message);
  }
}

void PrintStarted(const Context& context, const LocalCluster& cluster, const std::string& address) {
  if (context.json) {
    PrintJson(context, {{"dir", cluster.directory()}, {"scheduler", address}});
    return;
  }
  context.out << "scheduler " << address << ", " << cluster.size().servers << " server(s), "
              << cluster.size().workers << " worker(s) with " << cluster.size().slots
              << " slot(s) each\n"
              << "try:  paracord nodes\n"
              << "      paracord submit JOB.yaml --follow\n"
              << "      paracord down --dir " << cluster.directory() << std::endl;
}

}  // namespace

int RunUp(const Context& context, const UpArguments& arguments) {
  const std::string directory = AbsoluteDirectory(arguments.directory);
  const std::string binaries = BinaryDirectory();
  if (absl::Status status = CheckPrograms(binaries); !status.ok()) return Fail(context, status);
  auto lock = LockFor(directory);
  if (!lock.ok()) return Fail(context, lock.status());
  const LocalCluster cluster(directory, SizeFor(directory, arguments), arguments.chaos);
  if (absl::Status status = cluster.Create(); !status.ok()) return Fail(context, status);
  const auto supervisor = ForkSupervisor(cluster, binaries, *std::move(lock));
  if (!supervisor.ok()) return Fail(context, supervisor.status());
  const auto address = WaitUntilReady(context, cluster);
  if (!address.ok()) {
    const absl::Status stopped = StopSupervisor(directory);
    Fail(context, address.status());
    if (!stopped.ok()) Fail(context, stopped);
    return kFailed;
  }
  const absl::Status pointed = WritePointer(PointerPath(), {directory, *address});
  if (!pointed.ok()) context.err << "note: " << std::string(pointed.message()) << std::endl;
  PrintStarted(context, cluster, *address);
  return kOk;
}

}  // namespace paracord
