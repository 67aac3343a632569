#include "scheduler/cli/follow.h"
#include "scheduler/cli/job_file.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunSubmit(const Context& context, const SubmitArguments& arguments) {
  const CheckedJob job = CheckJobFile(arguments.file, arguments.overrides, WorkerProgram());
  PrintProblems(context, arguments.file, job);
  if (!job.errors.empty()) return kUsage;
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  pb::SubmitRequest request;
  request.set_yaml(job.text);
  request.set_directory(job.directory);
  const auto reply = (*scheduler)->Submit(request, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (!context.json) {
    context.out << reply->id() << std::endl;
  } else if (arguments.follow) {
    context.err << "submitted " << reply->id() << std::endl;  // JSON comes at the end, once
  } else {
    PrintJson(context, {{"id", reply->id()}});
  }
  return arguments.follow ? FollowToEnd(context, **scheduler, reply->id()) : kOk;
}

}  // namespace paracord
