#include <catch2/catch.hpp>
#include <sstream>

#include "common/job/job_spec.h"
#include "scheduler/cli/verbs.h"
#include "tests/cli/fake_cluster.h"

namespace paracord {
namespace {

constexpr const char* kYaml = R"(name: j
seed: 1
model: {input: [2], layers: [{linear: 3}], loss: softmax_cross_entropy}
data: {train: {format: synthetic, samples: 10, features: 2, classes: 3, seed: 1}}
train: {epochs: 1, batch_size: 4, virtual_workers: 2, optimizer: {kind: sgd, lr: 0.1}}
)";

// A job on one server that has applied 6 of its epoch's 10 samples.
struct Stage {
  explicit Stage(bool json) {
    context.json = json;
    pb::GetJobReply& reply = coordinator.reply;
    reply.mutable_status()->set_id("j-1");
    reply.mutable_job()->set_yaml(kYaml);
    reply.mutable_job()->set_directory("/");
    pb::ShardRange* range = reply.mutable_plan()->add_shards();
    range->set_server("server-0");
    range->set_block_end(job->grid.blocks());
    job->audit.set_samples(10);
    job->audit.add_epochs()->set_applied(6);
  }

  std::shared_ptr<FakeJob> job =
      std::make_shared<FakeJob>(GridOf(ParseJobOrStatus(kYaml, "/").value()));
  FakeCoordinator coordinator;
  std::ostringstream out, err;
  Context context{.scheduler = "127.0.0.1:1",
                  .json = false,
                  .out = out,
                  .err = err,
                  .connect = [this](const std::string&) -> std::unique_ptr<Coordinator> {
                    return std::make_unique<BorrowedCoordinator>(coordinator);
                  },
                  .connect_shard = [this](const std::string&) -> std::unique_ptr<Shard> {
                    return std::make_unique<FakeShard>(job);
                  }};
};

TEST_CASE("audit prints a table for people and rows for programs") {
  Stage json(true);
  CHECK(RunAudit(json.context, {"j-1", seconds(10)}) == kOk);
  CHECK(Json::parse(json.out.str()) ==
        Json::parse(R"({"id": "j-1", "epochs": [{"epoch": 0, "expected": 10, "applied": 6,
                        "repeated": 0, "missing": 4}]})"));
  Stage text(false);
  CHECK(RunAudit(text.context, {"j-1", seconds(10)}) == kOk);
  CHECK(text.out.str().find("MISSING") != std::string::npos);
}

TEST_CASE("audit of a job that has not trained yet says so") {
  Stage stage(false);
  stage.job->audit.Clear();
  CHECK(RunAudit(stage.context, {"j-1", seconds(10)}) == kOk);
  CHECK(stage.out.str() == "j-1 has not trained anything yet\n");
}

TEST_CASE("audit rides out a server that is away, and gives up with 4 at its timeout") {
  Stage stage(true);
  stage.job->failures = 2;
  CHECK(RunAudit(stage.context, {"j-1", seconds(10)}) == kOk);
  Stage gone(true);
  gone.job->failures = 1000000;
  CHECK(RunAudit(gone.context, {"j-1", milliseconds(50)}) == kTimedOut);
  CHECK(gone.out.str().empty());
  CHECK(gone.err.str().find("server is away") != std::string::npos);
}

TEST_CASE("audit of a job that nobody knows names those there are") {
  Stage stage(true);
  CHECK(RunAudit(stage.context, {"j-2", seconds(10)}) == kUsage);
  CHECK(stage.err.str().find("j-1") != std::string::npos);
}

TEST_CASE("audit of a job whose weights are gone says so, and does not call its samples missing") {
  for (const pb::JobState state : {pb::FAILED, pb::CANCELLED}) {
    Stage stage(true);
    stage.coordinator.reply.mutable_status()->set_state(state);
    CHECK(RunAudit(stage.context, {"j-1", seconds(10)}) == kFailed);
    CHECK(stage.out.str().empty());
    CHECK(stage.err.str().find(pb::JobState_Name(state)) != std::string::npos);
  }
}

}  // namespace
}  // namespace paracord
