#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {

int RunNodes(const Context& context) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto reply = (*scheduler)->ListNodes(SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    PrintJson(context, NodesJson(*reply));
  } else {
    context.out << NodesText(*reply) << std::flush;
  }
  return kOk;
}

}  // namespace paracord
