#include "common/base/timer.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunExplain(const Context& context, const ExplainArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto reply = (*scheduler)->GetJob(arguments.job, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    PrintJson(context, ExplainJson(reply->status()));
    return kOk;
  }
  context.out << ExplainText(reply->status(), UnixMilliseconds()) << std::flush;
  return kOk;
}

}  // namespace paracord
