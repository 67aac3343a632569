#include "scheduler/cli/cluster_address.h"
#include "scheduler/cli/directory_lock.h"
#include "scheduler/cli/local_cluster.h"
#include "scheduler/cli/supervisor.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunDown(const Context& context, const DownArguments& arguments) {
  const std::string directory = AbsoluteDirectory(arguments.directory);
  const bool running = DirectoryLock::Held(directory);
  if (absl::Status status = StopSupervisor(directory); !status.ok()) {
    Fail(context, status);
    return kFailed;
  }
  RemovePointer(PointerPath(), directory);
  context.err << (running ? "stopped the cluster in " : "nothing is running in ") << directory
              << std::endl;
  if (context.json) PrintJson(context, {{"dir", directory}, {"stopped", running}});
  return kOk;
}

}  // namespace paracord
