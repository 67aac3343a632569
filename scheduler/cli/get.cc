#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

int GetAll(const Context& context, SchedulerClient& scheduler) {
  const auto reply = scheduler.ListJobs(SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    PrintJson(context, JobsJson(*reply));
  } else {
    context.out << JobsText(*reply) << std::flush;
  }
  return kOk;
}

}  // namespace

int RunGet(const Context& context, const GetArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  if (arguments.job.empty()) return GetAll(context, **scheduler);
  const auto reply = (*scheduler)->GetJob(arguments.job, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    PrintJson(context, JobJson(reply->status()));
  } else {
    context.out << JobText(reply->status()) << std::flush;
  }
  return kOk;
}

}  // namespace paracord
