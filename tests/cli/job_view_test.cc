#include <catch2/catch.hpp>
#include <cmath>

#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"

namespace paracord {
namespace {

pb::JobStatus FullStatus() {
  pb::JobStatus status;
  status.set_id("mnist-mlp-1");
  status.set_name("mnist-mlp");
  status.set_state(pb::FAILED);
  status.set_step(120);
  status.set_steps(1175);
  status.set_epoch(2);
  status.set_has_loss(true);
  status.set_loss(0.25);
  auto* metric = status.add_metrics();
  metric->set_name("test_accuracy");
  metric->set_value(0.5);
  status.set_samples_per_second(81234);
  auto* samples = status.add_samples();
  samples->set_epoch(0);
  samples->set_expected(60000);
  samples->set_applied(59000);
  status.set_plan(7);
  status.set_restarts(3);
  status.set_skipped_steps(4);
  pb::Failure* failure = status.mutable_first_failure();
  failure->set_code("TaskExited");
  failure->set_message("task 1 was killed by signal 9");
  failure->set_node("worker-0");
  failure->set_rank(1);
  failure->set_exit(137);
  failure->set_log_tail("one\ntwo\n");
  status.set_device("cuda");
  status.set_compute_class("sm_90 CUDA 13.0");
  status.set_consistency("bsp");
  status.set_max_staleness(2);
  for (uint64_t count : {40, 0, 3}) status.add_staleness_counts(count);
  status.set_backup(1);
  auto* stored = status.add_checkpoints();
  stored->set_step(0);
  stored->set_bytes(2048);
  stored->set_committed_at_unix_ms(1714564800123);
  stored->set_stall_ms(1.5);
  stored->set_best(true);
  stored->set_best_value(0.625);
  pb::Evaluations* evaluations = status.mutable_evaluations();
  evaluations->mutable_best()->set_name("test_accuracy");
  evaluations->mutable_best()->set_value(0.625);
  evaluations->set_best_step(80);
  evaluations->set_stop_step(121);
  evaluations->set_why("it got worse");
  auto* task = status.add_tasks();
  task->set_rank(1);
  task->set_node("worker-0");
  task->set_pid(0);
  task->set_state("LOST");
  task->set_step(119);
  task->set_gpu(3);
  task->set_begin(0);
  task->set_end(4);
  task->set_busy(0.75);
  auto* server = status.add_servers();
  server->set_id("server-0");
  server->set_address("127.0.0.1:7301");
  server->set_pid(42);
  server->set_bytes(4096);
  status.set_wall_seconds(12.5);
  auto* wait = status.add_waits();
  wait->set_who("rank 1");
  wait->set_what("a free slot");
  wait->set_since_unix_ms(1714564800000);
  auto* event = status.add_events();
  event->set_unix_ms(1714564799000);
  event->set_text("submitted");
  return status;
}

TEST_CASE("a job's JSON has every field of the contract, with its value") {
  const Json json = JobJson(FullStatus());
  const Json expected = Json::parse(R"({
    "id": "mnist-mlp-1", "name": "mnist-mlp", "state": "FAILED", "step": 120, "steps": 1175, "epoch": 2,
    "loss": 0.25, "metrics": {"test_accuracy": 0.5}, "samples_per_second": 81234.0,
    "samples": [{"epoch": 0, "expected": 60000, "applied": 59000}], "plan": 7, "restarts": 3,
    "skipped_steps": 4,
    "first_failure": {"code": "TaskExited", "message": "task 1 was killed by signal 9", "node": "worker-0",
                      "rank": 1, "exit": 137, "log_tail": "one\ntwo\n"},
    "device": {"kind": "cuda", "class": "sm_90 CUDA 13.0"}, "consistency": "bsp", "backup": 1, "max_staleness": 2, "staleness_counts": [40, 0, 3],
    "checkpoints": [{"step": 0, "bytes": 2048, "committed_at": "2024-05-01T12:00:00.123Z", "stall_ms": 1.5, "history": 0,
                     "best": true, "value": 0.625, "damage": null}],
    "best": {"metric": "test_accuracy", "value": 0.625, "step": 80},
    "early_stop": {"step": 121, "why": "it got worse"},
    "servers": [{"id": "server-0", "address": "127.0.0.1:7301", "pid": 42, "bytes": 4096}],
    "wall_seconds": 12.5})");
  for (const auto& [key, value] : expected.items()) {
    INFO(key);
    REQUIRE(json.contains(key));
    CHECK(json[key] == value);
  }
  const Json& task = json["tasks"][0];
  CHECK(task["rank"] == 1);
  CHECK(task["node"] == "worker-0");
  CHECK(task["gpu"] == 3);
  CHECK(task["pid"].is_null());
  CHECK(task["state"] == "LOST");
  CHECK(task["step"] == 119);
  CHECK(task["virtual_workers"] == Json::array({0, 4}));
  CHECK(task["busy"] == 0.75);
}

TEST_CASE("what nobody knows yet is null, and lists are there though empty") {
  pb::JobStatus status;
  status.set_id("j-1");
  const Json json = JobJson(status);
  CHECK(json["state"] == "PENDING");
  CHECK(json["loss"].is_null());
  CHECK(json["steps"].is_null());
  for (const char* field : {"first_failure", "best", "early_stop"}) CHECK(json[field].is_null());
  CHECK(json["metrics"] == Json::object());
  for (const char* list : {"samples", "checkpoints", "tasks", "servers", "staleness_counts"}) {
    CHECK(json[list] == Json::array());
  }
}

TEST_CASE("a job's table has its best evaluation, marks its checkpoint, and says why it stopped") {
  const std::string text = JobText(FullStatus());
  INFO(text);
  CHECK(text.find("best        test_accuracy 0.6250 at step 80\n") != std::string::npos);
  CHECK(text.find("early stop  at step 121: it got worse\n") != std::string::npos);
  CHECK(CheckpointsText(FullStatus()).find("best: 0.6250") != std::string::npos);
}

TEST_CASE("a job's table says what it computes on, and on which GPU each task does") {
  const std::string text = JobText(FullStatus());
  INFO(text);
  CHECK(text.find("device      cuda, sm_90 CUDA 13.0\n") != std::string::npos);
  CHECK(text.find("worker-0 GPU 3") != std::string::npos);
}

TEST_CASE("before a job has started it has the device that it asks for, and no class") {
  pb::JobStatus status;
  status.set_device("auto");
  status.add_tasks()->set_node("worker-0");
  const Json json = JobJson(status);
  CHECK(json["device"] == Json::parse(R"({"kind": "auto", "class": null})"));
  CHECK(json["tasks"][0]["gpu"].is_null());
  CHECK(JobText(status).find("device      auto\n") != std::string::npos);
}

TEST_CASE("a loss that is no number is null in JSON") {
  pb::JobStatus status = FullStatus();
  status.set_loss(std::nan(""));
  CHECK(JobJson(status)["loss"].is_null());
}

TEST_CASE("the list of jobs is under one key, also when there are none or one") {
  pb::ListJobsReply reply;
  CHECK(JobsJson(reply) == Json::parse(R"({"jobs": []})"));
  *reply.add_jobs() = FullStatus();
  CHECK(JobsJson(reply)["jobs"].size() == 1);
  CHECK(JobsJson(reply)["jobs"][0]["id"] == "mnist-mlp-1");
}

TEST_CASE("nodes' JSON has role in lower case, and no pid for a member that is not alive") {
  pb::ListNodesReply reply;
  CHECK(NodesJson(reply) == Json::parse(R"({"nodes": []})"));
  pb::Node* node = reply.add_nodes();
  node->set_id("worker-0");
  node->set_role(pb::WORKER);
  node->set_address("127.0.0.1:7400");
  node->set_state("LOST");
  node->set_slots(2);
  node->set_tasks(1);
  const Json json = NodesJson(reply)["nodes"][0];
  CHECK(json["id"] == "worker-0");
  CHECK(json["role"] == "worker");
  CHECK(json["address"] == "127.0.0.1:7400");
  CHECK(json["pid"].is_null());
  CHECK(json["state"] == "LOST");
  CHECK(json["slots"] == 2);
  CHECK(json["tasks"] == 1);
  CHECK(json["draining"] == false);
  reply.mutable_nodes(0)->set_draining(true);
  CHECK(NodesJson(reply)["nodes"][0]["draining"] == true);
}

TEST_CASE("nodes show each GPU of a worker in JSON, and how many of a class in the table") {
  pb::ListNodesReply reply;
  pb::Node* node = reply.add_nodes();
  node->set_role(pb::WORKER);
  CHECK(NodesJson(reply)["nodes"][0]["gpus"] == Json::array());
  for (const uint32_t index : {0, 2, 3}) {
    pb::Gpu* gpu = node->add_gpus();
    gpu->set_index(index);
    gpu->set_name("NVIDIA H100");
    gpu->set_memory_bytes(85899345920);
    gpu->mutable_compute()->set_isa(index == 3 ? "sm_80" : "sm_90");
    gpu->mutable_compute()->set_library("CUDA 13.0");
    gpu->set_slots(2);
    gpu->set_tasks(index == 0 ? 1 : 0);
  }
  const Json gpus = NodesJson(reply)["nodes"][0]["gpus"];
  REQUIRE(gpus.size() == 3);
  CHECK(gpus[0] == Json::parse(R"({"index": 0, "name": "NVIDIA H100", "memory_bytes": 85899345920,
    "compute_class": "sm_90 CUDA 13.0", "slots": 2, "tasks": 1})"));
  CHECK(gpus[2]["compute_class"] == "sm_80 CUDA 13.0");
  const std::string text = NodesText(reply);
  INFO(text);
  CHECK(text.find("1 x sm_80, 2 x sm_90") != std::string::npos);
}

TEST_CASE("explain's JSON says who waits for what since when, and what happened") {
  const Json expected = Json::parse(R"({
    "id": "mnist-mlp-1", "state": "FAILED",
    "waits": [{"who": "rank 1", "what": "a free slot", "since": "2024-05-01T12:00:00.000Z"}],
    "events": [{"at": "2024-05-01T11:59:59.000Z", "text": "submitted"}]})");
  CHECK(ExplainJson(FullStatus()) == expected);
}

TEST_CASE("bytes that are not UTF-8 do not stop JSON from being printed") {
  pb::JobStatus status = FullStatus();
  const std::string torn = "torn \xff\xfe";
  Json json = JobJson(status);
  json["first_failure"]["log_tail"] = torn;
  std::ostringstream out;
  Context context{.scheduler = "", .json = true, .out = out};
  PrintJson(context, json);
  CHECK(Json::parse(out.str())["state"] == "FAILED");
}

TEST_CASE("the failure of a job is told with node, rank, exit and the log's last lines") {
  const std::string text = ResultText(FullStatus());
  for (const char* piece : {"FAILED", "TaskExited: task 1 was killed by signal 9", "node worker-0",
                            "rank 1", "exit 137", "    one\n    two\n"}) {
    INFO(piece);
    CHECK(text.find(piece) != std::string::npos);
  }
}

TEST_CASE("the progress line has step, loss, rate and time to go") {
  pb::JobStatus status = FullStatus();
  status.set_state(pb::RUNNING);
  status.clear_waits();
  CHECK(ProgressText(status, 12) ==
        "mnist-mlp-1  RUNNING  step 120/1175  loss 0.2500  81234 samples/s  ETA 12 s");
  status.set_state(pb::PENDING);
  *status.add_waits() = FullStatus().waits(0);
  CHECK(ProgressText(status, -1) == "mnist-mlp-1  PENDING  rank 1 waits: a free slot");
}

TEST_CASE("a job's table has consistency, staleness, backups, and each task's busy share") {
  const std::string text = JobText(FullStatus());
  for (const char* piece : {"consistency bsp\n", "backup      1\n", "staleness   at most 2 steps\n",
                            "skipped     4 steps, not finite\n",
                            "1     worker-0 GPU 3  -    LOST   119   [0, 4)  75 %\n"}) {
    INFO(text << piece);
    CHECK(text.find(piece) != std::string::npos);
  }
  pb::JobStatus released = FullStatus();
  released.mutable_tasks(0)->set_state("RELEASED");
  released.mutable_tasks(0)->set_end(0);
  CHECK(JobText(released).find("RELEASED  119   -       75 %\n") != std::string::npos);
}

TEST_CASE("tables are aligned, and an empty cell is a dash") {
  pb::ListJobsReply reply;
  CHECK(JobsText(reply) == "no jobs\n");
  pb::JobStatus* status = reply.add_jobs();
  status->set_id("a-1");
  const std::string text = JobsText(reply);
  CHECK(text.substr(0, text.find('\n')) ==
        "JOB  STATE    STEP  EPOCH  LOSS  SAMPLES/S  RESTARTS  TIME");
  CHECK(text.find("a-1  PENDING  0     0      -     -          0         0 s\n") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
