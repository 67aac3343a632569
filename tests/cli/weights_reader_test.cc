#include "scheduler/cli/weights_reader.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "common/job/job_spec.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/weights_digest.h"
#include "tests/cli/fake_cluster.h"

namespace paracord {
namespace {

std::string JobYaml(int features, const std::string& layers) {
  return absl::StrCat("name: j\nseed: 1\nmodel: {input: [", features, "], layers: ", layers,
                      ", loss: softmax_cross_entropy}\n",
                      "data: {train: {format: synthetic, samples: 64, features: ", features,
                      ", classes: 2, noise: 0, seed: 1}}\n",
                      "train: {steps: 1000000, batch_size: 8, optimizer: {kind: sgd, lr: 0.1}}\n");
}

constexpr uint64_t kNone = ~0ull;  // nothing was read

const char kSmall[] = "[{linear: 2}]";
// Several blocks a tensor, and names whose bytewise order is not the numbers': "10.weight" before
// "2.weight".
const char kLarge[] =
    "[{linear: 300}, relu, {linear: 10}, relu, {linear: 10}, relu, relu, relu, relu, relu, "
    "{linear: 2}]";

// One job on `servers` servers, as the fakes show it.
struct Scene {
  Scene(int features, const char* layers, uint32_t servers) {
    const std::string yaml = JobYaml(features, layers);
    const auto spec = ParseJobOrStatus(yaml, "/");
    INFO(spec.status().message());
    REQUIRE(spec.ok());
    job = std::make_shared<FakeJob>(GridOf(*spec));
    pb::GetJobReply& reply = coordinator.reply;
    reply.mutable_job()->set_id("j-1");
    reply.mutable_job()->set_yaml(yaml);
    reply.mutable_job()->set_directory("/");
    reply.mutable_status()->set_id("j-1");
    reply.mutable_status()->set_state(pb::RUNNING);
    reply.mutable_status()->set_steps(1000000);
    reply.mutable_plan()->set_job("j-1");
    reply.mutable_plan()->set_number(1);
    reply.mutable_plan()->set_history(1);
    const std::vector<BlockRange> ranges = job->grid.Cut(servers);
    for (uint32_t i = 0; i < servers; ++i) {
      pb::ShardRange* range = reply.mutable_plan()->add_shards();
      range->set_index(i);
      range->set_address(absl::StrCat("server-", i));
      range->set_block_begin(ranges[i].begin);
      range->set_block_end(ranges[i].end);
    }
    job->pieces = PiecesOf(job->grid, reply.plan()).size();
    client = ClientOf(coordinator);
  }

  void Store(uint64_t step) {
    job->stored.push_back(step);
    coordinator.reply.mutable_status()->add_checkpoints()->set_step(step);
  }
  void End(pb::JobState state, uint64_t step) {
    coordinator.reply.mutable_status()->set_state(state);
    coordinator.reply.mutable_status()->set_step(step);
    job->version = 1000000;  // nothing but what is stored can be had
  }

  absl::StatusOr<uint64_t> Read(std::optional<uint64_t> step, Duration limit = seconds(5)) {
    digest = std::make_unique<WeightsDigest>();
    const auto connect = [this](const std::string&) { return std::make_unique<FakeShard>(job); };
    WeightsReader reader(*client, connect, "j-1");
    return reader.Read(step, DeadlineAfter(limit), *digest);
  }

  // The digest by the contract's words, written down once more: everything in one string.
  std::string Expected(uint64_t version) const {
    std::map<std::string, std::string> by_name;
    for (uint32_t t = 0; t < job->grid.tensors().size(); ++t) {
      const TensorSpec& tensor = job->grid.tensors()[t];
      if (tensor.kind == TensorKind::kSum) continue;
      std::string& bytes = by_name[tensor.name];
      bytes = tensor.name + std::string(1, '\0');
      for (int64_t extent : tensor.shape) bytes.append(reinterpret_cast<const char*>(&extent), 8);
      for (int64_t i = 0; i < tensor.size(); ++i) {
        const float value = WeightAt(t, i, version);
        bytes.append(reinterpret_cast<const char*>(&value), 4);
      }
    }
    Sha256 hash;
    for (const auto& [name, bytes] : by_name) hash.Add(bytes.data(), bytes.size());
    return hash.Hex();
  }

  FakeCoordinator coordinator;
  std::unique_ptr<SchedulerClient> client;
  std::shared_ptr<FakeJob> job;
  std::unique_ptr<WeightsDigest> digest;
};

TEST_CASE("the digest of two small tensors is what sha256sum says of the same bytes") {
  Scene scene(3, kSmall, 1);
  scene.Store(4);
  scene.End(pb::SUCCEEDED, 4);
  REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 4);
  CHECK(scene.digest->Hex() == "6ef3c56b1d631d224b21b4fa3417cd71c0ac4709cd24fb2ec9140dca287a0463");
}

TEST_CASE("the digest does not depend on how many servers hold the weights") {
  for (const uint32_t servers : {1, 2, 3, 5}) {
    Scene scene(200, kLarge, servers);
    scene.Store(4);
    scene.End(pb::SUCCEEDED, 4);
    REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 4);
    CHECK(scene.digest->Hex() == scene.Expected(4));
  }
}

TEST_CASE("readers say that they are outside the job: plan 0, its history, one version") {
  Scene scene(200, kLarge, 2);
  scene.coordinator.reply.mutable_plan()->set_history(3);
  scene.Store(4);
  scene.End(pb::SUCCEEDED, 4);
  REQUIRE(scene.Read(std::nullopt).ok());
  REQUIRE_FALSE(scene.job->pulls.empty());
  for (const pb::PullHeader& pull : scene.job->pulls) {
    CHECK(pull.job() == "j-1");
    CHECK(pull.plan() == 0);
    CHECK(pull.history() == 3);
    CHECK(pull.version() == 4);
  }
}

TEST_CASE("of a job that failed the newest stored step is read") {
  Scene scene(3, kSmall, 1);
  scene.Store(0);
  scene.Store(100);
  scene.Store(50);
  scene.End(pb::FAILED, 117);
  REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 100);
  CHECK(scene.digest->Hex() == scene.Expected(100));
}

TEST_CASE("a running job is read at its newest version") {
  Scene scene(200, kLarge, 3);
  scene.job->version = 12;
  REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 12);
  CHECK(scene.digest->Hex() == scene.Expected(12));
}

TEST_CASE("a job that makes a step at every message is caught all the same, and whole") {
  Scene scene(200, kLarge, 3);
  scene.job->version = 12;
  scene.job->fast = true;
  const auto step = scene.Read(std::nullopt);
  REQUIRE(step.ok());
  CHECK(*step > 12);
  CHECK(scene.digest->Hex() == scene.Expected(*step));
}

TEST_CASE("the chase never aims beyond the job's last step") {
  Scene scene(200, kLarge, 3);
  scene.job->version = 12;
  scene.job->fast = true;
  scene.job->last = 17;
  scene.coordinator.reply.mutable_status()->set_steps(17);
  const auto step = scene.Read(std::nullopt);
  REQUIRE(step.ok());
  CHECK(*step <= 17);
  CHECK(scene.digest->Hex() == scene.Expected(*step));
}

TEST_CASE("a step in the future is waited for at the servers") {
  Scene scene(200, kLarge, 2);
  scene.job->version = 12;
  scene.job->fast = true;
  REQUIRE(scene.Read(100).value_or(kNone) == 100);
  CHECK(scene.digest->Hex() == scene.Expected(100));
}

TEST_CASE("servers that are away for a while are asked again, and the bits are the same") {
  Scene scene(200, kLarge, 2);
  scene.Store(4);
  scene.End(pb::SUCCEEDED, 4);
  scene.job->failures = 5;
  REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 4);
  CHECK(scene.digest->Hex() == scene.Expected(4));
}

TEST_CASE("a scheduler that is away for a while is asked again") {
  Scene scene(3, kSmall, 1);
  scene.Store(4);
  scene.End(pb::SUCCEEDED, 4);
  int away = 3;
  scene.coordinator.before_job = [&] {
    scene.coordinator.error = away-- > 0 ? absl::UnavailableError("refused") : absl::OkStatus();
  };
  REQUIRE(scene.Read(std::nullopt).value_or(kNone) == 4);
}

TEST_CASE("a step that is gone is refused with the steps that there are") {
  Scene scene(3, kSmall, 1);
  scene.Store(0);
  scene.job->version = 50;
  scene.coordinator.reply.mutable_status()->set_step(50);
  const auto step = scene.Read(7);
  REQUIRE(absl::IsOutOfRange(step.status()));
  CHECK(std::string(step.status().message()).find("stored steps: 0") != std::string::npos);
}

TEST_CASE("a step beyond the job's end is refused at once") {
  Scene scene(3, kSmall, 1);
  CHECK(absl::IsOutOfRange(scene.Read(1000001).status()));
}

TEST_CASE("weights that nobody can give in time end with a deadline") {
  Scene scene(3, kSmall, 1);
  scene.job->version = 1;
  CHECK(absl::IsDeadlineExceeded(scene.Read(5, milliseconds(150)).status()));
}

TEST_CASE("which version is read depends on the job's state and what is stored") {
  pb::JobStatus status;
  status.set_id("j-1");
  status.set_steps(100);
  status.add_checkpoints()->set_step(0);
  status.set_state(pb::RUNNING);
  CHECK_FALSE(ChooseTarget(status, std::nullopt)->has_value());
  CHECK(ChooseTarget(status, 0).value()->stored);
  CHECK_FALSE(ChooseTarget(status, 40).value()->stored);
  status.set_state(pb::CANCELLED);
  CHECK(ChooseTarget(status, std::nullopt).value()->version == 0);
  CHECK(absl::IsOutOfRange(ChooseTarget(status, 40).status()));
  status.clear_checkpoints();
  CHECK(absl::IsOutOfRange(ChooseTarget(status, std::nullopt).status()));
  status.set_state(pb::SUCCEEDED);
  status.set_step(100);
  CHECK(ChooseTarget(status, 100).value()->stored);
}

}  // namespace
}  // namespace paracord
