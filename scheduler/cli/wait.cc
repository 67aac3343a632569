#include "scheduler/cli/duration.h"
#include "scheduler/cli/follow.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunWait(const Context& context, const WaitArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto ended = FollowJob(**scheduler, arguments.job, DeadlineAfter(arguments.timeout),
                               [](const pb::JobStatus&) {});
  if (!ended.ok()) return FailTimed(context, ended.status());
  if (context.json) {
    PrintJson(context, JobJson(*ended));
  } else {
    context.out << ResultText(*ended) << std::flush;
  }
  return ExitCodeOfJob(*ended);
}

}  // namespace paracord
