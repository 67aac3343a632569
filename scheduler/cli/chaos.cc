#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/timer.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/live_process.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

constexpr milliseconds kShortestPause{10};

// Draws who goes next and kills it.
class Chaos {
 public:
  Chaos(const Context& context, SchedulerClient& scheduler, const ChaosArguments& arguments,
        uint64_t seed)
      : context_(context), scheduler_(scheduler), arguments_(arguments), random_(seed) {}

  // One kill, of a kind drawn from those asked for. A process that has gone in the meantime, or a
  // kind of which none is alive, is only told.
  absl::Status Strike();
  int kills() const { return kills_; }

 private:
  // Those of `kind` that the cluster shows as alive, in the order of their names.
  absl::StatusOr<std::vector<LiveProcess>> Candidates(const std::string& kind);
  absl::StatusOr<pb::ListNodesReply> Nodes();
  absl::Status AddTasks(const pb::ListNodesReply& nodes, std::vector<LiveProcess>* candidates);
  size_t Draw(size_t count) { return static_cast<size_t>(random_() % count); }
  void Tell(const LiveProcess& killed);

  const Context& context_;
  SchedulerClient& scheduler_;
  const ChaosArguments& arguments_;
  std::mt19937_64 random_;
  int kills_ = 0;
};

absl::StatusOr<pb::ListNodesReply> Chaos::Nodes() {
  ASSIGN_OR_RETURN(pb::ListNodesReply nodes, scheduler_.ListNodes(Clock::now() + kRidePatience));
  if (nodes.chaos()) return nodes;
  return absl::FailedPreconditionError(
      "this cluster does not allow it; start one with 'paracord up --chaos', or set 'chaos: true' "
      "in its scheduler's configuration");
}

absl::Status Chaos::AddTasks(const pb::ListNodesReply& nodes,
                             std::vector<LiveProcess>* candidates) {
  std::map<std::string, std::string> addresses;
  for (const pb::Node& node : nodes.nodes()) addresses[node.id()] = node.address();
  ASSIGN_OR_RETURN(const pb::ListJobsReply jobs, scheduler_.ListJobs(Clock::now() + kRidePatience));
  for (const pb::JobStatus& job : jobs.jobs()) {
    for (const pb::TaskStatus& task : job.tasks()) {
      const auto address = addresses.find(task.node());
      // Right after its start the scheduler knows of tasks, and not yet where their workers are.
      if (task.pid() == 0 || address == addresses.end()) continue;
      candidates->push_back(
          {"task", absl::StrCat(job.id(), ".", task.rank()), address->second, task.pid()});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LiveProcess>> Chaos::Candidates(const std::string& kind) {
  ASSIGN_OR_RETURN(const pb::ListNodesReply nodes, Nodes());
  std::vector<LiveProcess> candidates;
  if (kind == "task") RETURN_IF_ERROR(AddTasks(nodes, &candidates));
  for (const pb::Node& node : nodes.nodes()) {
    if (node.pid() == 0 || RoleName(node.role()) != kind) continue;
    candidates.push_back({kind, node.id(), node.address(), node.pid()});
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const LiveProcess& a, const LiveProcess& b) { return a.name < b.name; });
  return candidates;
}

absl::Status Chaos::Strike() {
  const std::string& kind = arguments_.kinds[Draw(arguments_.kinds.size())];
  ASSIGN_OR_RETURN(const std::vector<LiveProcess> candidates, Candidates(kind));
  if (candidates.empty()) {
    context_.err << "no " << kind << " is alive; nothing was killed" << std::endl;
    return absl::OkStatus();
  }
  const LiveProcess& chosen = candidates[Draw(candidates.size())];
  const absl::Status killed = KillProcess(chosen);
  if (absl::IsNotFound(killed)) {
    context_.err << std::string(killed.message()) << " already; nothing was killed" << std::endl;
    return absl::OkStatus();
  }
  if (killed.ok()) Tell(chosen);
  return killed;
}

void Chaos::Tell(const LiveProcess& killed) {
  ++kills_;
  const std::string at = TimeText(UnixMilliseconds());
  if (context_.json) {
    const Json line = {{"at", at}, {"kind", killed.kind}, {"id", killed.name}, {"pid", killed.pid}};
    context_.out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  } else {
    context_.out << at << "  killed " << killed.kind << " " << killed.name << ", pid " << killed.pid
                 << std::endl;
  }
}

}  // namespace

int RunChaos(const Context& context, const ChaosArguments& arguments) {
  if (arguments.every < kShortestPause) {
    return Fail(context, absl::InvalidArgumentError("--every: expected at least 10ms"));
  }
  const uint64_t seed = arguments.seed.value_or(std::random_device{}());
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto there = (*scheduler)->ListNodes(SchedulerClient::OneShot());
  if (!there.ok()) return Fail(context, there.status());
  context.err << "seed " << seed << std::endl;
  Chaos chaos(context, **scheduler, arguments, seed);
  const TimePoint end = Clock::now() + arguments.duration;
  for (TimePoint next = Clock::now(); next < end; next += arguments.every) {
    Pause(std::max(Duration::zero(), Duration(next - Clock::now())));
    if (absl::Status status = chaos.Strike(); !status.ok()) return Fail(context, status);
  }
  context.err << chaos.kills() << " killed" << std::endl;
  return kOk;
}

}  // namespace paracord
