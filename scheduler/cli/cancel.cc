#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunCancel(const Context& context, const CancelArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto reply = (*scheduler)->Cancel(arguments.job, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  const std::string state = pb::JobState_Name(reply->state());
  if (context.json) {
    PrintJson(context, {{"id", arguments.job}, {"state", state}});
  } else {
    context.out << arguments.job << " " << state << std::endl;
  }
  return kOk;
}

}  // namespace paracord
