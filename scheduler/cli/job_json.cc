#include "scheduler/cli/job_json.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace paracord {
namespace {

Json Pid(int64_t pid) { return pid > 0 ? Json(pid) : Json(nullptr); }
Json Time(int64_t unix_ms) { return unix_ms > 0 ? Json(TimeText(unix_ms)) : Json(nullptr); }
Json Text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
// JSON has no infinities.
Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <class List, class Print>
Json Array(const List& list, Print print) {
  Json array = Json::array();
  for (const auto& item : list) array.push_back(print(item));
  return array;
}

Json MetricsJson(const pb::JobStatus& status) {
  Json json = Json::object();
  for (const pb::Metric& metric : status.metrics()) json[metric.name()] = Number(metric.value());
  return json;
}

Json SamplesJson(const pb::EpochSamples& samples) {
  return {
      {"epoch", samples.epoch()}, {"expected", samples.expected()}, {"applied", samples.applied()}};
}

Json FailureJson(const pb::JobStatus& status) {
  if (status.first_failure().code().empty()) return nullptr;
  const pb::Failure& failure = status.first_failure();
  return {{"code", failure.code()},
          {"message", failure.message()},
          {"node", failure.node()},
          {"rank", failure.rank() >= 0 ? Json(failure.rank()) : Json(nullptr)},
          {"exit", failure.exit() >= 0 ? Json(failure.exit()) : Json(nullptr)},
          {"log_tail", failure.log_tail()}};
}

Json CheckpointJson(const pb::StoredStep& stored) {
  return {{"step", stored.step()},
          {"bytes", stored.bytes()},
          {"committed_at", Time(stored.committed_at_unix_ms())},
          {"stall_ms", Number(stored.stall_ms())},
          {"history", stored.history()},
          {"best", stored.best()},
          {"value", stored.best() ? Number(stored.best_value()) : Json(nullptr)},
          {"damage", Text(stored.damage())}};
}

Json BestJson(const pb::Evaluations& evaluations) {
  if (evaluations.best_step() == 0) return nullptr;
  return {{"metric", evaluations.best().name()},
          {"value", Number(evaluations.best().value())},
          {"step", evaluations.best_step()}};
}

Json EarlyStopJson(const pb::Evaluations& evaluations) {
  if (evaluations.stop_step() == 0) return nullptr;
  return {{"step", evaluations.stop_step()}, {"why", evaluations.why()}};
}

Json TaskJson(const pb::TaskStatus& task) {
  return {{"rank", task.rank()},
          {"node", task.node()},
          {"gpu", task.has_gpu() ? Json(task.gpu()) : Json(nullptr)},
          {"pid", Pid(task.pid())},
          {"state", task.state()},
          {"step", task.step()},
          {"virtual_workers", Json::array({task.begin(), task.end()})},
          {"busy", Number(task.busy())}};
}

Json ServerJson(const pb::ServerStatus& server) {
  return {{"id", server.id()},
          {"address", server.address()},
          {"pid", Pid(server.pid())},
          {"bytes", server.bytes()}};
}

Json WaitJson(const pb::Wait& wait) {
  return {{"who", wait.who()}, {"what", wait.what()}, {"since", Time(wait.since_unix_ms())}};
}

Json GpuJson(const pb::Gpu& gpu) {
  return {{"index", gpu.index()},
          {"name", gpu.name()},
          {"memory_bytes", gpu.memory_bytes()},
          {"compute_class", absl::StrCat(gpu.compute().isa(), " ", gpu.compute().library())},
          {"slots", gpu.slots()},
          {"tasks", gpu.tasks()}};
}

Json NodeJson(const pb::Node& node) {
  return {{"id", node.id()},
          {"role", RoleName(node.role())},
          {"address", node.address()},
          {"pid", Pid(node.pid())},
          {"state", node.state()},
          {"slots", node.slots()},
          {"tasks", node.tasks()},
          {"gpus", Array(node.gpus(), GpuJson)},
          {"draining", node.draining()},
          {"memory_bytes", node.memory_bytes()},
          {"memory_used", node.memory_used()}};
}

}  // namespace

std::string TimeText(int64_t unix_ms) {
  if (unix_ms <= 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(unix_ms),
                          absl::UTCTimeZone());
}

std::string RoleName(pb::Role role) { return absl::AsciiStrToLower(pb::Role_Name(role)); }

bool HasEnded(pb::JobState state) {
  return state == pb::SUCCEEDED || state == pb::FAILED || state == pb::CANCELLED;
}

Json JobJson(const pb::JobStatus& status) {
  return {
      {"id", status.id()},
      {"name", status.name()},
      {"state", pb::JobState_Name(status.state())},
      {"step", status.step()},
      {"steps", status.steps() > 0 ? Json(status.steps()) : Json(nullptr)},
      {"epoch", status.epoch()},
      {"loss", status.has_loss() ? Number(status.loss()) : Json(nullptr)},
      {"metrics", MetricsJson(status)},
      {"best", BestJson(status.evaluations())},
      {"early_stop", EarlyStopJson(status.evaluations())},
      {"samples_per_second", Number(status.samples_per_second())},
      {"samples", Array(status.samples(), SamplesJson)},
      {"plan", status.plan()},
      {"restarts", status.restarts()},
      {"skipped_steps", status.skipped_steps()},
      {"first_failure", FailureJson(status)},
      {"device", {{"kind", status.device()}, {"class", Text(status.compute_class())}}},
      {"consistency", status.consistency()},
      {"backup", status.backup()},
      {"max_staleness", status.max_staleness()},
      {"staleness_counts", Array(status.staleness_counts(), [](uint64_t n) { return Json(n); })},
      {"checkpoints", Array(status.checkpoints(), CheckpointJson)},
      {"checkpoint_error", Text(status.checkpoint_error())},
      {"tasks", Array(status.tasks(), TaskJson)},
      {"servers", Array(status.servers(), ServerJson)},
      {"wall_seconds", Number(status.wall_seconds())},
      {"history", status.history()},
      {"submitted_at", Time(status.submitted_unix_ms())}};
}

Json CheckpointsJson(const pb::JobStatus& status) {
  return {{"id", status.id()}, {"checkpoints", Array(status.checkpoints(), CheckpointJson)}};
}

Json JobsJson(const pb::ListJobsReply& reply) { return {{"jobs", Array(reply.jobs(), JobJson)}}; }

Json NodesJson(const pb::ListNodesReply& reply) {
  return {{"nodes", Array(reply.nodes(), NodeJson)}};
}

Json ExplainJson(const pb::JobStatus& status) {
  const auto event_json = [](const pb::Event& event) {
    return Json{{"at", Time(event.unix_ms())}, {"text", event.text()}};
  };
  return {{"id", status.id()},
          {"state", pb::JobState_Name(status.state())},
          {"waits", Array(status.waits(), WaitJson)},
          {"events", Array(status.events(), event_json)}};
}

}  // namespace paracord
