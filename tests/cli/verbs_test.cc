#include "scheduler/cli/verbs.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "scheduler/cli/command_line.h"
#include "scheduler/cli/job_file.h"
#include "scheduler/cli/log_lines.h"
#include "tests/cli/fake_cluster.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

// A verb's surroundings: a scheduler in this process, what it prints.
struct Stage {
  explicit Stage(bool json) {
    context.json = json;
    coordinator.reply.mutable_status()->set_id("j-1");
  }
  void SetState(pb::JobState state) { coordinator.reply.mutable_status()->set_state(state); }

  FakeCoordinator coordinator;
  std::ostringstream out, err;
  Context context{.scheduler = "127.0.0.1:1",
                  .json = false,
                  .out = out,
                  .err = err,
                  .connect = [this](const std::string&) -> std::unique_ptr<Coordinator> {
                    return std::make_unique<BorrowedCoordinator>(coordinator);
                  }};
};

TEST_CASE("wait exits by the job's result") {
  for (const auto& [state, code] :
       std::map<pb::JobState, int>{{pb::SUCCEEDED, 0}, {pb::FAILED, 1}, {pb::CANCELLED, 1}}) {
    Stage stage(true);
    stage.SetState(state);
    CHECK(RunWait(stage.context, {"j-1", seconds(10)}) == code);
    CHECK(Json::parse(stage.out.str())["state"] == pb::JobState_Name(state));
  }
}

TEST_CASE("wait for a job that goes on ends with 4 at its timeout") {
  Stage stage(false);
  stage.SetState(pb::RUNNING);
  CHECK(RunWait(stage.context, {"j-1", milliseconds(50)}) == kTimedOut);
  CHECK(stage.err.str().find("still RUNNING") != std::string::npos);
  CHECK(stage.out.str().empty());
}

TEST_CASE("wait rides out a scheduler that is away, and gives up with 4 at its timeout") {
  Stage stage(false);
  stage.SetState(pb::SUCCEEDED);
  int away = 2;
  stage.coordinator.before_job = [&] {
    stage.coordinator.error = away-- > 0 ? absl::UnavailableError("refused") : absl::OkStatus();
  };
  CHECK(RunWait(stage.context, {"j-1", seconds(10)}) == kOk);
  away = 1000000;
  CHECK(RunWait(stage.context, {"j-1", milliseconds(150)}) == kTimedOut);
}

TEST_CASE("an unknown job is a usage error that names those there are") {
  Stage stage(true);
  CHECK(RunGet(stage.context, {"k-9"}) == kUsage);
  CHECK(stage.err.str().find("j-1") != std::string::npos);
  CHECK(stage.out.str().empty());
}

TEST_CASE(
    "with nobody at the address a one-shot verb tries for 3 s, says where, and exits with 3") {
  Stage stage(true);
  stage.coordinator.error = absl::UnavailableError("connection refused");
  const TimePoint begun = Clock::now();
  CHECK(RunNodes(stage.context) == kNoCluster);
  CHECK(Clock::now() - begun >= kOneShotPatience);
  CHECK(stage.coordinator.calls > 5);
  CHECK(stage.err.str().find("127.0.0.1:1 (from --scheduler)") != std::string::npos);
  CHECK(stage.out.str().empty());
}

TEST_CASE("an address that is none is a usage error") {
  Stage stage(false);
  stage.context.scheduler = "nonsense";
  CHECK(RunNodes(stage.context) == kUsage);
}

TEST_CASE("get and nodes print JSON documents with the contract's top keys") {
  Stage stage(true);
  CHECK(RunGet(stage.context, {}) == kOk);
  CHECK(Json::parse(stage.out.str()).contains("jobs"));
  stage.out.str("");
  CHECK(RunNodes(stage.context) == kOk);
  CHECK(Json::parse(stage.out.str()).contains("nodes"));
  stage.out.str("");
  CHECK(RunCancel(stage.context, {"j-1"}) == kOk);
  CHECK(Json::parse(stage.out.str()) == Json::parse(R"({"id": "j-1", "state": "CANCELLED"})"));
}

TEST_CASE("set sends the settings as they are written, and prints the plan that says so") {
  Stage stage(true);
  stage.coordinator.reply.mutable_plan()->set_number(7);
  CHECK(RunSet(stage.context, {"j-1", {"consistency={ssp: 3}", "workers=4"}}) == kOk);
  REQUIRE(stage.coordinator.set.size() == 1);
  CHECK(stage.coordinator.set[0].id() == "j-1");
  REQUIRE(stage.coordinator.set[0].settings_size() == 2);
  CHECK(stage.coordinator.set[0].settings(0) == "consistency={ssp: 3}");
  CHECK(Json::parse(stage.out.str()) == Json::parse(R"({"id": "j-1", "plan": 7})"));
  Stage text(false);
  CHECK(RunSet(text.context, {"j-1", {"consistency=async"}}) == kOk);
  CHECK(text.out.str() == "j-1 has not started yet; it will start so\n");
}

TEST_CASE("node drain and undrain print what the scheduler has on record") {
  Stage stage(true);
  CHECK(RunNodeDrain(stage.context, {"worker-1"}) == kOk);
  CHECK(Json::parse(stage.out.str()) ==
        Json::parse(R"({"id": "worker-1", "draining": true, "tasks": 2})"));
  stage.out.str("");
  CHECK(RunNodeUndrain(stage.context, {"worker-1"}) == kOk);
  CHECK(Json::parse(stage.out.str()) == Json::parse(R"({"id": "worker-1", "draining": false})"));
  REQUIRE(stage.coordinator.drained.size() == 2);
  CHECK(stage.coordinator.drained[0].id() == "worker-1");
  CHECK(stage.coordinator.drained[0].draining());
  CHECK_FALSE(stage.coordinator.drained[1].draining());
  Stage text(false);
  CHECK(RunNodeDrain(text.context, {"worker-1"}) == kOk);
  CHECK(RunNodeUndrain(text.context, {"worker-1"}) == kOk);
  CHECK(text.out.str() ==
        "worker-1 is being drained, 2 tasks to move\nworker-1 gets tasks again\n");
}

TEST_CASE("node drain exits by why it was refused") {
  for (const auto& [error, code] : std::vector<std::pair<absl::Status, int>>{
           {absl::NotFoundError("no node 'worker-9'; there are worker-0"), kUsage},
           {absl::FailedPreconditionError("server-0 is a server"), kFailed},
           {absl::UnavailableError("connection refused"), kNoCluster}}) {
    Stage stage(true);
    stage.coordinator.error = error;
    CHECK(RunNodeDrain(stage.context, {"worker-9"}) == code);
    CHECK(stage.out.str().empty());
    CHECK(stage.err.str().find(std::string(error.message())) != std::string::npos);
  }
}

TEST_CASE("set exits by why it was refused") {
  for (const auto& [error, code] : std::vector<std::pair<absl::Status, int>>{
           {absl::InvalidArgumentError("consistency: found 'bps'"), kUsage},
           {absl::NotFoundError("no job 'j-1'"), kUsage},
           {absl::FailedPreconditionError("j-1 has ended already"), kFailed},
           {absl::UnavailableError("connection refused"), kNoCluster}}) {
    Stage stage(true);
    stage.coordinator.error = error;
    CHECK(RunSet(stage.context, {"j-1", {"consistency=bps"}}) == code);
    CHECK(stage.out.str().empty());
    CHECK(stage.err.str().find(std::string(error.message())) != std::string::npos);
  }
}

TEST_CASE("set reads its job and settings from the command line, however values are bracketed") {
  const auto run = [](std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return RunCommandLine(static_cast<int>(argv.size()), argv.data());
  };
  const std::string nobody = "127.0.0.1:1";
  CHECK(run({"paracord", "set", "j-1"}) == kUsage);
  CHECK(run({"paracord", "set"}) == kUsage);
  CHECK(run({"paracord", "--scheduler", nobody, "set", "j-1", "consistency={bsp: {backup: 1}}",
             "workers={min: 1, max: 8}"}) == kNoCluster);
}

const char kGoodJob[] =
    "name: j\n"
    "model: {input: [3], layers: [{linear: 2}], loss: softmax_cross_entropy}\n"
    "data: {train: {format: synthetic, samples: 64, features: 3, classes: 2, noise: 0, seed: 1}}\n"
    "train: {steps: 10, batch_size: 8, optimizer: {kind: sgd, lr: 0.1}}\n";

TEST_CASE("submit sends the text with its overrides, and the folder of the file") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path) << kGoodJob;
  Stage stage(true);
  const int code = RunSubmit(stage.context, {path, {"train.batch_size=16"}, false});
  INFO(stage.err.str());
  REQUIRE(code == kOk);
  CHECK(Json::parse(stage.out.str()) == Json::parse(R"({"id": "j-1"})"));
  REQUIRE(stage.coordinator.submitted.size() == 1);
  const pb::SubmitRequest& request = stage.coordinator.submitted[0];
  CHECK(request.directory() == folder.path());
  CHECK(ParseJob(request.yaml(), request.directory()).spec.batch_size == 16);
}

TEST_CASE("submit --follow prints one JSON document and exits by the job's result") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path) << kGoodJob;
  Stage stage(true);
  stage.SetState(pb::FAILED);
  pb::Failure* failure = stage.coordinator.reply.mutable_status()->mutable_first_failure();
  failure->set_code("TaskExited");
  failure->set_node("worker-0");
  CHECK(RunSubmit(stage.context, {path, {}, true}) == kFailed);
  CHECK(Json::parse(stage.out.str())["id"] == "j-1");
  CHECK(stage.err.str().find("node worker-0") != std::string::npos);
}

TEST_CASE("a bad file is refused with every error and its line before any cluster is asked") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path)
      << "name: j\n"
      << "model: {input: [3], layers: [{linear: 2}], loss: softmax_cross_entropy}\n"
      << "data: {train: {format: synthetic, samples: 64, features: 3, classes: 2}}\n"
      << "train: {steps: 10, batchsize: 8, optimizer: {kind: sgdd, lr: 0.1}}\n";
  Stage stage(true);
  CHECK(RunSubmit(stage.context, {path, {}, false}) == kUsage);
  CHECK(stage.coordinator.calls == 0);
  CHECK(stage.err.str().find(path + ":4: train.batchsize") != std::string::npos);
  CHECK(stage.err.str().find("sgdd") != std::string::npos);
  CHECK(stage.out.str().empty());
  CHECK(RunValidate(stage.context, {path, {}, false}) == kUsage);
  const Json json = Json::parse(stage.out.str());
  CHECK(json["ok"] == false);
  CHECK(json["errors"].size() >= 2);
  CHECK(json["errors"][0]["line"] == 4);
}

TEST_CASE("validate counts parameters and steps without a cluster") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path) << kGoodJob;
  Stage stage(false);
  CHECK(RunValidate(stage.context, {path, {}, false}) == kOk);
  CHECK(stage.out.str() == "ok: 8 parameters, 10 steps\n");
  CHECK(stage.coordinator.calls == 0);
}

TEST_CASE("validate prints the layers of a preset, which are the model section of the same job") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path)
      << "name: j\n"
      << "model: {input: [3], preset: logistic_regression}\n"
      << "data: {train: {format: synthetic, samples: 64, features: 3, classes: 2}}\n"
      << "train: {steps: 10, batch_size: 8}\n";
  const std::string expected =
      "model:\n  input: [3]\n  layers:\n    - {linear: 1}\n  loss: binary_cross_entropy\n";
  Stage stage(false);
  CHECK(RunValidate(stage.context, {path, {}, true}) == kOk);
  CHECK(stage.out.str() == expected);
  Stage json(true);
  CHECK(RunValidate(json.context, {path, {}, true}) == kOk);
  CHECK(Json::parse(json.out.str())["model"] == expected);
}

// A stand-in for the worker program that answers with `script`.
std::string Program(const TemporaryDirectory& folder, const std::string& script) {
  const std::string path = folder.path() + "/program";
  std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

TEST_CASE(
    "what the worker program says of the data counts: bad data, number of samples, no program") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/job.yaml";
  std::ofstream(path) << kGoodJob;
  const auto check = [&](const std::string& program) { return CheckJobFile(path, {}, program); };

  const CheckedJob bad = check(Program(
      folder,
      "cat >/dev/null; echo 'line 3: data.train: a.gz: torn' >&2; echo second >&2; exit 2"));
  REQUIRE(bad.errors.size() == 2);
  CHECK(bad.errors[0].line == 3);
  CHECK(bad.errors[0].message == "data.train: a.gz: torn");
  CHECK(bad.errors[1].message == "second");

  // It is given the text and the folder.
  const CheckedJob good = check(Program(folder, "grep -q linear && test \"$4\" = " + folder.path() +
                                                    " && echo train 64 && echo steps 24"));
  CHECK(good.errors.empty());
  CHECK(good.notes.empty());
  CHECK(good.steps == 10);  // as the file says

  const CheckedJob by_epochs =
      CheckJobFile(path, {"train.steps=null", "train.epochs=3"}, Program(folder, "echo steps 24"));
  CHECK(by_epochs.errors.empty());
  CHECK(by_epochs.steps == 24);

  const CheckedJob unchecked = check(folder.path() + "/none");
  CHECK(unchecked.errors.empty());
  CHECK(unchecked.notes.size() == 1);
}

TEST_CASE("export --best is of the marked checkpoint; without one it says what is lacking") {
  Stage stage(false);
  stage.coordinator.reply.mutable_status()->add_checkpoints()->set_step(4);
  ExportArguments arguments{
      .job = "j-1", .file = "unwritten", .format = "", .step = {}, .best = true};
  CHECK(RunExport(stage.context, arguments) == kFailed);
  INFO(stage.err.str());
  CHECK(stage.err.str().find("j-1 has no best checkpoint; expected checkpoint.best") !=
        std::string::npos);
  const char* both[] = {"paracord", "export", "j-1", "--out", "unwritten", "--best", "--step", "4"};
  CHECK(RunCommandLine(std::size(both), const_cast<char**>(both)) == kUsage);
}

TEST_CASE("lines of different tasks never mix, however their pieces arrive") {
  std::vector<std::string> lines;
  LogLines log([&](uint32_t rank, const std::string& line) {
    lines.push_back(std::to_string(rank) + ":" + line);
  });
  log.Add(0, "one\ntw");
  log.Add(1, "un\n");
  log.Add(0, "o\nthree");
  CHECK(lines == std::vector<std::string>{"0:one", "1:un", "0:two"});
  log.Flush();
  CHECK(lines.back() == "0:three");
}

}  // namespace
}  // namespace paracord
