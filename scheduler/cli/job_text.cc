#include "scheduler/cli/job_text.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/units.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/text_table.h"

namespace paracord {
namespace {

std::string Pid(int64_t pid) { return pid > 0 ? absl::StrCat(pid) : ""; }

std::string Steps(const pb::JobStatus& status) {
  return status.steps() > 0 ? absl::StrCat(status.step(), "/", status.steps())
                            : absl::StrCat(status.step());
}

std::string Loss(const pb::JobStatus& status) {
  return status.has_loss() ? absl::StrFormat("%.4f", status.loss()) : "";
}

std::string Metrics(const pb::JobStatus& status) {
  std::string text;
  for (const pb::Metric& metric : status.metrics()) {
    absl::StrAppend(&text, text.empty() ? "" : "  ",
                    absl::StrFormat("%s %.4f", metric.name(), metric.value()));
  }
  return text;
}

std::string Best(const pb::Evaluations& evaluations) {
  if (evaluations.best_step() == 0) return "";
  return absl::StrFormat("%s %.4f at step %d", evaluations.best().name(),
                         evaluations.best().value(), evaluations.best_step());
}

std::string EarlyStop(const pb::Evaluations& evaluations) {
  if (evaluations.stop_step() == 0) return "";
  return absl::StrCat("at step ", evaluations.stop_step(), ": ", evaluations.why());
}

// Of a checkpoint.
std::string Remark(const pb::StoredStep& stored) {
  if (!stored.damage().empty()) return absl::StrCat("damaged: ", stored.damage());
  return stored.best() ? absl::StrFormat("best: %.4f", stored.best_value()) : "";
}

std::string Rate(const pb::JobStatus& status) {
  return status.samples_per_second() > 0 ? absl::StrFormat("%.0f", status.samples_per_second())
                                         : "";
}

std::string Device(const pb::JobStatus& status) {
  if (status.compute_class().empty()) return status.device();
  return absl::StrCat(status.device(), ", ", status.compute_class());
}

std::string FailureText(const pb::Failure& failure) {
  std::string text = absl::StrCat(failure.code(), ": ", failure.message());
  if (!failure.node().empty()) absl::StrAppend(&text, "\n  node ", failure.node());
  if (failure.rank() >= 0) absl::StrAppend(&text, "\n  rank ", failure.rank());
  if (failure.exit() >= 0) absl::StrAppend(&text, "\n  exit ", failure.exit());
  if (!failure.log_tail().empty()) {
    std::string tail = failure.log_tail();
    while (!tail.empty() && tail.back() == '\n') tail.pop_back();
    absl::StrAppend(&text, "\n  last lines of its log:\n    ",
                    absl::StrReplaceAll(tail, {{"\n", "\n    "}}));
  }
  return text;
}

std::string NodeOf(const pb::TaskStatus& task) {
  return task.has_gpu() ? absl::StrCat(task.node(), " GPU ", task.gpu()) : task.node();
}

std::string TasksText(const pb::JobStatus& status) {
  TextTable table({"RANK", "NODE", "PID", "STATE", "STEP", "SLICES", "BUSY"});
  for (const pb::TaskStatus& task : status.tasks()) {
    table.Add({absl::StrCat(task.rank()), NodeOf(task), Pid(task.pid()), task.state(),
               absl::StrCat(task.step()),
               task.end() > 0 ? absl::StrCat("[", task.begin(), ", ", task.end(), ")") : "",
               absl::StrFormat("%.0f %%", 100 * task.busy())});
  }
  return table.Text();
}

std::string ServersText(const pb::JobStatus& status) {
  TextTable table({"SERVER", "ADDRESS", "PID", "MEMORY"});
  for (const pb::ServerStatus& server : status.servers()) {
    table.Add({server.id(), server.address(), Pid(server.pid()), FormatBytes(server.bytes())});
  }
  return table.Text();
}

// "2 x sm_90"
std::string Gpus(const pb::Node& node) {
  std::map<std::string, int> counts;
  for (const pb::Gpu& gpu : node.gpus()) ++counts[gpu.compute().isa()];
  std::string text;
  for (const auto& [isa, count] : counts) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", count, " x ", isa);
  }
  return text;
}

void AppendField(std::string* text, const char* name, const std::string& value) {
  if (!value.empty()) absl::StrAppend(text, absl::StrFormat("%-12s", name), value, "\n");
}

}  // namespace

std::string CheckpointsText(const pb::JobStatus& status) {
  TextTable table({"STORED STEP", "SIZE", "AT", ""});
  for (const pb::StoredStep& stored : status.checkpoints()) {
    table.Add({absl::StrCat(stored.step()), FormatBytes(stored.bytes()),
               TimeText(stored.committed_at_unix_ms()), Remark(stored)});
  }
  return table.Text();
}

std::string JobsText(const pb::ListJobsReply& reply) {
  if (reply.jobs().empty()) return "no jobs\n";
  TextTable table({"JOB", "STATE", "STEP", "EPOCH", "LOSS", "SAMPLES/S", "RESTARTS", "TIME"});
  for (const pb::JobStatus& job : reply.jobs()) {
    table.Add({job.id(), pb::JobState_Name(job.state()), Steps(job), absl::StrCat(job.epoch()),
               Loss(job), Rate(job), absl::StrCat(job.restarts()),
               DurationText(job.wall_seconds())});
  }
  return table.Text();
}

std::string JobText(const pb::JobStatus& status) {
  std::string text;
  AppendField(&text, "job", status.id());
  AppendField(&text, "state", pb::JobState_Name(status.state()));
  AppendField(&text, "step", Steps(status));
  AppendField(&text, "epoch", absl::StrCat(status.epoch()));
  AppendField(&text, "loss", Loss(status));
  AppendField(&text, "metrics", Metrics(status));
  AppendField(&text, "best", Best(status.evaluations()));
  AppendField(&text, "early stop", EarlyStop(status.evaluations()));
  AppendField(&text, "samples/s", Rate(status));
  AppendField(&text, "device", Device(status));
  AppendField(&text, "consistency", status.consistency());
  if (status.backup() > 0) AppendField(&text, "backup", absl::StrCat(status.backup()));
  if (status.max_staleness() > 0) {
    AppendField(&text, "staleness", absl::StrCat("at most ", status.max_staleness(), " steps"));
  }
  AppendField(&text, "plan", absl::StrCat(status.plan()));
  AppendField(&text, "restarts", absl::StrCat(status.restarts()));
  if (status.skipped_steps() > 0) {
    AppendField(&text, "skipped", absl::StrCat(status.skipped_steps(), " steps, not finite"));
  }
  AppendField(&text, "time", DurationText(status.wall_seconds()));
  if (!status.first_failure().code().empty()) {
    AppendField(&text, "failure", FailureText(status.first_failure()));
  }
  AppendField(&text, "not stored", status.checkpoint_error());
  for (const pb::Wait& wait : status.waits()) {
    AppendField(&text, "waits", absl::StrCat(wait.who(), ": ", wait.what()));
  }
  if (!status.tasks().empty()) absl::StrAppend(&text, "\n", TasksText(status));
  if (!status.servers().empty()) absl::StrAppend(&text, "\n", ServersText(status));
  if (!status.checkpoints().empty()) absl::StrAppend(&text, "\n", CheckpointsText(status));
  return text;
}

std::string NodesText(const pb::ListNodesReply& reply) {
  TextTable table({"ID", "ROLE", "ADDRESS", "PID", "STATE", "SLOTS", "TASKS", "GPUS", "MEMORY"});
  for (const pb::Node& node : reply.nodes()) {
    const bool worker = node.role() == pb::WORKER;
    table.Add({node.id(), RoleName(node.role()), node.address(), Pid(node.pid()), node.state(),
               worker ? absl::StrCat(node.slots()) : "", worker ? absl::StrCat(node.tasks()) : "",
               Gpus(node),
               node.memory_bytes() > 0 ? absl::StrCat(FormatBytes(node.memory_used()), " of ",
                                                      FormatBytes(node.memory_bytes()))
                                       : ""});
  }
  return table.Text();
}

std::string ExplainText(const pb::JobStatus& status, int64_t now_unix_ms) {
  std::string text = absl::StrCat(status.id(), " is ", pb::JobState_Name(status.state()), ", step ",
                                  Steps(status), "\n");
  if (status.waits().empty()) absl::StrAppend(&text, "waits for nothing\n");
  for (const pb::Wait& wait : status.waits()) {
    absl::StrAppend(&text, wait.who(), " waits: ", wait.what());
    if (wait.since_unix_ms() > 0) {
      const double waited = static_cast<double>(now_unix_ms - wait.since_unix_ms()) / 1000;
      absl::StrAppend(&text, ", since ", TimeText(wait.since_unix_ms()), " (",
                      DurationText(waited < 0 ? 0 : waited), ")");
    }
    absl::StrAppend(&text, "\n");
  }
  if (!status.events().empty()) absl::StrAppend(&text, "\n");
  for (const pb::Event& event : status.events()) {
    absl::StrAppend(&text, TimeText(event.unix_ms()), "  ", event.text(), "\n");
  }
  return text;
}

std::string ProgressText(const pb::JobStatus& status, double eta_seconds) {
  std::string text = absl::StrCat(status.id(), "  ", pb::JobState_Name(status.state()));
  if (status.state() == pb::PENDING || status.step() == 0) {
    for (const pb::Wait& wait : status.waits()) {
      return absl::StrCat(text, "  ", wait.who(), " waits: ", wait.what());
    }
  }
  if (status.state() == pb::PENDING) return text;
  absl::StrAppend(&text, "  step ", Steps(status));
  if (status.has_loss()) absl::StrAppend(&text, "  loss ", Loss(status));
  if (status.samples_per_second() > 0) absl::StrAppend(&text, "  ", Rate(status), " samples/s");
  if (eta_seconds >= 0) absl::StrAppend(&text, "  ETA ", DurationText(eta_seconds));
  return text;
}

std::string ResultText(const pb::JobStatus& status) {
  std::string text =
      absl::StrCat(status.id(), "  ", pb::JobState_Name(status.state()), "  step ", Steps(status));
  if (status.has_loss()) absl::StrAppend(&text, "  loss ", Loss(status));
  if (!status.metrics().empty()) absl::StrAppend(&text, "  ", Metrics(status));
  absl::StrAppend(&text, "  in ", DurationText(status.wall_seconds()), "\n");
  if (!status.first_failure().code().empty() && status.state() != pb::SUCCEEDED) {
    absl::StrAppend(&text, FailureText(status.first_failure()), "\n");
  }
  return text;
}

}  // namespace paracord
