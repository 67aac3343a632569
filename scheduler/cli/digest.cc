#include "scheduler/cli/duration.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"
#include "scheduler/cli/weights_digest.h"
#include "scheduler/cli/weights_reader.h"

namespace paracord {

int RunDigest(const Context& context, const DigestArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  WeightsReader reader(**scheduler, context.connect_shard, arguments.job);
  WeightsDigest digest;
  const auto step = reader.Read(arguments.step, DeadlineAfter(arguments.timeout), digest);
  if (!step.ok()) return FailTimed(context, step.status());
  const std::string sha256 = digest.Hex();
  if (context.json) {
    PrintJson(context, {{"sha256", sha256}, {"step", *step}});
  } else {
    context.out << sha256 << " " << *step << std::endl;
  }
  return kOk;
}

}  // namespace paracord
