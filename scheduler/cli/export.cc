#include "scheduler/cli/duration.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"
#include "scheduler/cli/weights_file.h"

namespace paracord {

int RunExport(const Context& context, const ExportArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  WeightsReader reader(**scheduler, context.connect_shard, arguments.job);
  const auto file = OpenWeightsFile(arguments.file, arguments.format);
  const auto step = reader.Read(arguments.step, DeadlineAfter(arguments.timeout), *file);
  if (!step.ok()) return FailTimed(context, step.status());
  const auto digest = file->Commit();
  if (!digest.ok()) return Fail(context, digest.status());
  if (context.json) {
    PrintJson(context, {{"file", arguments.file}, {"sha256", *digest}, {"step", *step}});
  } else {
    context.out << arguments.file << ": step " << *step << ", digest " << *digest << std::endl;
  }
  return kOk;
}

}  // namespace paracord
