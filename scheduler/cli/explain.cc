#include <chrono>

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
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now_ms = std::chrono::duration_cast<milliseconds>(now).count();
  context.out << ExplainText(reply->status(), now_ms) << std::flush;
  return kOk;
}

}  // namespace paracord
