#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunSet(const Context& context, const SetArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto reply =
      (*scheduler)->SetJob(arguments.job, arguments.settings, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    PrintJson(context, {{"id", arguments.job}, {"plan", reply->plan()}});
  } else if (reply->plan() > 0) {
    context.out << arguments.job << " plan " << reply->plan() << std::endl;
  } else {
    context.out << arguments.job << " has not started yet; it will start so" << std::endl;
  }
  return kOk;
}

}  // namespace paracord
