#include <algorithm>
#include <map>
#include <memory>

#include "common/base/status.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/log_lines.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/verbs.h"
#include "scheduler/cli/worker_log.h"

namespace paracord {
namespace {

// The logs of a job's tasks, wherever they run now.
class JobLogs {
 public:
  JobLogs(SchedulerClient& scheduler, const LogsArguments& arguments)
      : scheduler_(scheduler), arguments_(arguments) {}

  // Finds tasks that were not there before, or have moved to another worker.
  absl::Status Refresh(TimePoint until);
  // Everything written since the last call goes to `lines`. The first error, if there was one.
  absl::Status Read(LogLines& lines);
  bool ended() const { return ended_; }
  size_t tasks() const { return sources_.size(); }

 private:
  // Where a task's log is now. A worker keeps its log when it is started again at another address,
  // so how far it has been read belongs to the worker.
  struct Source {
    std::string node, address;
    std::unique_ptr<WorkerLog> log;
    std::map<std::string, uint64_t> read;  // by worker that it was read from before
  };
  void Turn(Source& source, const std::string& node, const std::string& address, uint32_t rank);

  SchedulerClient& scheduler_;
  const LogsArguments& arguments_;
  std::map<uint32_t, Source> sources_;  // by rank
  bool ended_ = false;
};

absl::Status JobLogs::Refresh(TimePoint until) {
  ASSIGN_OR_RETURN(const pb::GetJobReply job, scheduler_.GetJob(arguments_.job, until));
  ASSIGN_OR_RETURN(const pb::ListNodesReply nodes, scheduler_.ListNodes(until));
  ended_ = HasEnded(job.status().state());
  std::map<std::string, std::string> addresses;
  for (const pb::Node& node : nodes.nodes()) addresses[node.id()] = node.address();
  for (const pb::TaskStatus& task : job.status().tasks()) {
    if (arguments_.task.value_or(task.rank()) != task.rank()) continue;
    const std::string& address = addresses[task.node()];
    Source& source = sources_[task.rank()];
    const bool there = source.node == task.node() && source.address == address;
    if (!address.empty() && !there) Turn(source, task.node(), address, task.rank());
  }
  std::erase_if(sources_, [](const auto& entry) { return entry.second.log == nullptr; });
  if (!sources_.empty() || (arguments_.follow && !ended_)) return absl::OkStatus();
  if (arguments_.task.has_value() && !job.status().tasks().empty()) {
    return absl::NotFoundError(absl::StrCat(arguments_.job, " has no task ", *arguments_.task,
                                            "; it has ", job.status().tasks_size()));
  }
  return absl::NotFoundError(absl::StrCat(arguments_.job, " has no tasks with a log yet"));
}

void JobLogs::Turn(Source& source, const std::string& node, const std::string& address,
                   uint32_t rank) {
  if (source.log != nullptr) source.read[source.node] = source.log->offset();
  source.node = node;
  source.address = address;
  source.log = std::make_unique<WorkerLog>(address, arguments_.job, rank, source.read[node]);
}

absl::Status JobLogs::Read(LogLines& lines) {
  absl::Status first;
  for (auto& [rank, source] : sources_) {
    while (true) {
      const absl::StatusOr<std::string> piece = source.log->ReadNext();
      if (!piece.ok() && first.ok()) first = piece.status();
      if (!piece.ok() || piece->empty()) break;
      lines.Add(rank, *piece);
    }
  }
  return first;
}

int ReadOnce(const Context& context, JobLogs& logs) {
  std::map<uint32_t, Json> collected;
  const bool prefix = logs.tasks() > 1;
  LogLines lines([&](uint32_t rank, const std::string& line) {
    if (context.json) {
      collected.try_emplace(rank, Json::array()).first->second.push_back(line);
      return;
    }
    if (prefix) context.out << "[" << rank << "] ";
    context.out << line << "\n";
  });
  const absl::Status status = logs.Read(lines);
  lines.Flush();
  context.out << std::flush;
  if (context.json) {
    Json tasks = Json::array();
    for (auto& [rank, text] : collected) tasks.push_back({{"rank", rank}, {"lines", text}});
    PrintJson(context, {{"tasks", tasks}});
  }
  return status.ok() ? static_cast<int>(kOk) : Fail(context, status);
}

// Until the job has ended and nothing more comes. JSON: one object a line.
int ReadOn(const Context& context, JobLogs& logs) {
  LogLines lines([&](uint32_t rank, const std::string& line) {
    if (context.json) {
      const Json json = {{"rank", rank}, {"line", line}};
      context.out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
      return;
    }
    if (logs.tasks() > 1) context.out << "[" << rank << "] ";
    context.out << line << std::endl;
  });
  while (true) {
    const bool ended = logs.ended();
    const absl::Status status = logs.Read(lines);
    if (ended) {
      lines.Flush();
      return status.ok() ? static_cast<int>(kOk) : Fail(context, status);
    }
    Pause(milliseconds(200));
    const absl::Status refreshed = logs.Refresh(Clock::now() + kRidePatience);
    if (!refreshed.ok()) return FailTimed(context, refreshed);
  }
}

}  // namespace

int RunLogs(const Context& context, const LogsArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  JobLogs logs(**scheduler, arguments);
  const absl::Status found = logs.Refresh(SchedulerClient::OneShot());
  if (!found.ok()) return Fail(context, found);
  return arguments.follow ? ReadOn(context, logs) : ReadOnce(context, logs);
}

}  // namespace paracord
