#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

// What the scheduler has in its journal when it answers.
int Order(const Context& context, const NodeArguments& arguments, bool draining) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto reply = (*scheduler)->Drain(arguments.node, draining, SchedulerClient::OneShot());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) {
    Json json = {{"id", arguments.node}, {"draining", reply->draining()}};
    if (draining) json["tasks"] = reply->tasks();
    PrintJson(context, json);
  } else if (draining) {
    context.out << arguments.node << " is being drained, " << reply->tasks()
                << (reply->tasks() == 1 ? " task to move" : " tasks to move") << std::endl;
  } else {
    context.out << arguments.node << " gets tasks again" << std::endl;
  }
  return kOk;
}

}  // namespace

int RunNodeDrain(const Context& context, const NodeArguments& arguments) {
  return Order(context, arguments, true);
}

int RunNodeUndrain(const Context& context, const NodeArguments& arguments) {
  return Order(context, arguments, false);
}

}  // namespace paracord
