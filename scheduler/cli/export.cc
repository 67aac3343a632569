#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"
#include "scheduler/cli/weights_file.h"

namespace paracord {
namespace {

absl::StatusOr<std::optional<uint64_t>> StepOf(SchedulerClient& scheduler,
                                               const ExportArguments& arguments, TimePoint until) {
  if (!arguments.best) return arguments.step;
  ASSIGN_OR_RETURN(const pb::GetJobReply job, scheduler.GetJob(arguments.job, until));
  for (const pb::StoredStep& stored : job.status().checkpoints()) {
    if (stored.best() && stored.damage().empty()) return stored.step();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      arguments.job, " has no best checkpoint; expected checkpoint.best in its job file, an ",
      "evaluation, and that its step is stored"));
}

}  // namespace

int RunExport(const Context& context, const ExportArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const TimePoint until = DeadlineAfter(arguments.timeout);
  const auto wanted = StepOf(**scheduler, arguments, until);
  if (!wanted.ok()) return FailTimed(context, wanted.status());
  WeightsReader reader(**scheduler, context.connect_shard, arguments.job);
  const auto file = OpenWeightsFile(arguments.file, arguments.format);
  const auto step = reader.Read(*wanted, until, *file);
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
