// Jobs that stop early and keep their best checkpoint: at the same step, with the same bits,
// whatever the cluster and whoever is killed.
#include <atomic>
#include <filesystem>

#include "absl/strings/match.h"
#include "tests/cluster/jobs.h"
#include "tests/support/step_gate.h"

namespace paracord {
namespace {

constexpr uint64_t kTotalSteps = 400;

// Learns its few noisy samples by heart; its test loss rises soon. Momentum's rate depends on the
// steps that the job would have had.
SmallJob Overfitting(const std::string& checkpoint = "{}") {
  return {absl::StrCat(R"(name: overfitting
seed: 22
model:
  input: [14]
  layers: [{linear: 40}, tanh, {dropout: 0.1}, {linear: 4}]
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 40, features: 14, classes: 4, noise: 0.5, seed: 6}
  test: {format: synthetic, samples: 60, features: 14, classes: 4, noise: 0.5, seed: 6}
train:
  steps: )",
                       kTotalSteps, R"(
  batch_size: 17
  virtual_workers: 8
  optimizer: {kind: momentum, lr: 0.2, schedule: cosine}
  evaluate: {every: 5 steps, metrics: [accuracy]}
  early_stop: {metric: test_loss, patience: 3, min_delta: 0.001}
restart: {max_restarts: 1000}
checkpoint: )",
                       checkpoint, "\n")};
}

// The evaluated version with the best figure at `place`, the first if there are several.
uint64_t BestVersion(const PlainRun& plain, size_t place, bool rises) {
  uint64_t best = plain.evaluated.begin()->first;
  for (const auto& [version, values] : plain.evaluated) {
    const double now = values[place], before = plain.evaluated.at(best)[place];
    if (rises ? now > before : now < before) best = version;
  }
  return best;
}

void CheckStopped(MiniCluster& cluster, const std::string& id, const SmallJob& job) {
  const PlainRun& plain = job.Plain();
  CHECK(plain.steps > 15);
  CHECK(plain.steps < kTotalSteps / 2);
  CheckSameBits(cluster, id, job);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.steps() == plain.steps);
  CHECK(status.evaluations().stop_step() == plain.steps);
  CHECK_FALSE(status.evaluations().why().empty());
  CheckAudit(cluster, id);
}

// As soon as the job's memory and slots are known to be free.
void RestoreTo(MiniCluster& cluster, const std::string& id, uint64_t step) {
  absl::Status status;
  const auto restored = [&] { return (status = cluster.Restore(id, step)).ok(); };
  const bool done = MiniCluster::Eventually(restored);
  INFO(Describe(status));
  REQUIRE(done);
}

TEST_CASE("a job stops early at the same step, with the same bits, on any workers and servers",
          "[cluster]") {
  for (const uint32_t servers : {1u, 2u, 3u}) {
    for (const uint32_t workers : {1u, 2u, 4u}) {
      CAPTURE(servers, workers);
      MiniCluster cluster({.servers = servers, .workers = workers, .threads = 2});
      CheckStopped(cluster, cluster.Submit(Overfitting().Yaml(workers)), Overfitting());
    }
  }
}

TEST_CASE("so it does with more servers than blocks, behind a wire, and with a spare task",
          "[cluster]") {
  {
    MiniCluster cluster({.servers = 8, .workers = 2, .loopback = true});
    CheckStopped(cluster, cluster.Submit(Overfitting().Yaml(2)), Overfitting());
  }
  MiniCluster cluster({.servers = 2, .workers = 3});
  CheckStopped(cluster, cluster.Submit(Overfitting().Yaml(2) + "consistency: {bsp: {backup: 1}}\n"),
               Overfitting());
}

TEST_CASE("so it does with tasks killed at every push around the decision", "[cluster]") {
  const SmallJob job = Overfitting();
  const uint64_t last = job.Plain().steps;
  for (const uint32_t rank : {0u, 1u}) {
    for (const uint64_t step : {last - 2, last - 1, last}) {
      for (const int push : {1, 2}) {
        CAPTURE(rank, step, push);
        std::atomic<int> pushes{0};
        MiniCluster* running = nullptr;
        MiniOptions options{.servers = 2, .workers = 2};
        options.on_push = [&](const pb::PushHeader& header) {
          if (header.step() != step || header.rank() != rank || ++pushes != push) return;
          running->KillTask(header.job(), rank);
        };
        MiniCluster cluster(options);
        running = &cluster;
        CheckStopped(cluster, cluster.Submit(job.Yaml(2)), job);
      }
    }
  }
}

TEST_CASE("so it does with servers that stop in order and return around the decision",
          "[cluster]") {
  const SmallJob job = Overfitting();
  for (const uint32_t servers : {1u, 3u}) {
    for (const uint64_t step : {job.Plain().steps - 1, job.Plain().steps}) {
      for (uint32_t stopped = 0; stopped < servers; ++stopped) {
        CAPTURE(servers, step, stopped);
        StepGate gate(step);
        MiniOptions options{.servers = servers, .workers = 2};
        options.on_push = [&](const pb::PushHeader& header) { gate.Pass(header.step()); };
        MiniCluster cluster(options);
        const std::string id = cluster.Submit(job.Yaml(2));
        REQUIRE(gate.AwaitArrival());
        cluster.StopServer(stopped);
        gate.Open(UINT64_MAX);
        cluster.StartServer(stopped);
        CheckStopped(cluster, id, job);
      }
    }
  }
}

TEST_CASE("so it does when it goes back to a checkpoint before the decision, and after it",
          "[cluster]") {
  const SmallJob job = Overfitting("{every: 4 steps, keep: 100}");
  MiniCluster cluster({.servers = 2, .workers = 2});
  const std::string id = cluster.Submit(job.Yaml(2));
  CheckStopped(cluster, id, job);
  const pb::JobStatus status = cluster.Get(id).status();
  REQUIRE(status.checkpoints_size() > 2);
  for (const int which : {status.checkpoints_size() - 1, status.checkpoints_size() / 2}) {
    const uint64_t step = status.checkpoints(which).step();
    CAPTURE(step);
    RestoreTo(cluster, id, step);
    CheckStopped(cluster, id, job);
    CHECK(cluster.Get(id).plan().history() > 1);
  }
}

TEST_CASE("so it does when its last step is a regular checkpoint as well, with its copy",
          "[cluster]") {
  const TemporaryDirectory copies;
  const uint64_t last = Overfitting().Plain().steps;
  SmallJob job =
      Overfitting(absl::StrCat("{every: ", last, " steps, copy_to: ", copies.path(), "}"));
  for (const uint32_t servers : {1u, 3u}) {
    CAPTURE(servers);
    MiniCluster cluster({.servers = servers, .workers = 2});
    const std::string id = cluster.Submit(job.Yaml(2));
    CheckStopped(cluster, id, job);
    const pb::JobStatus status = cluster.Get(id).status();
    INFO(status.DebugString());
    REQUIRE(status.checkpoints_size() == 2);
    CHECK(status.checkpoints(1).step() == last);
    CHECK(status.checkpoints(1).copied());
    RestoreTo(cluster, id, last);
    CheckStopped(cluster, id, job);
    const pb::JobStatus again = cluster.Get(id).status();
    const uint64_t history = again.checkpoints(again.checkpoints_size() - 1).history();
    CHECK(std::filesystem::exists(CopyFolder(copies.path(), id, last, history) +
                                  "/model.safetensors.index.json"));
    std::filesystem::remove_all(copies.path() + "/" + id);  // both clusters have a job of this name
  }
}

TEST_CASE("the best checkpoint is kept to the end, and is good to go back to", "[cluster]") {
  for (const char* metric : {"test_loss", "test_accuracy"}) {
    const bool rises = metric == std::string("test_accuracy");
    const SmallJob job = Overfitting(absl::StrCat("{every: end, keep: 1, best: ", metric, "}"));
    const PlainRun& plain = job.Plain();
    const uint64_t best = BestVersion(plain, rises ? 1 : 0, rises);
    CHECK(best + 10 < plain.steps);
    for (const uint32_t workers : {1u, 3u}) {
      CAPTURE(metric, workers, best);
      MiniCluster cluster({.servers = 2, .workers = workers});
      const std::string id = cluster.Submit(job.Yaml(workers));
      CheckStopped(cluster, id, job);
      const pb::JobStatus status = cluster.Get(id).status();
      INFO(status.DebugString());
      CHECK(status.evaluations().best_step() == best);
      CHECK(static_cast<float>(status.evaluations().best().value()) ==
            static_cast<float>(plain.evaluated.at(best)[rises ? 1 : 0]));
      REQUIRE(status.checkpoints_size() == 2);
      CHECK(status.checkpoints(0).step() == best);
      CHECK(status.checkpoints(0).best());
      CHECK_FALSE(status.checkpoints(1).best());
      CHECK(status.checkpoints(1).step() == plain.steps);
      RestoreTo(cluster, id, best);
      CheckStopped(cluster, id, job);
      CHECK(cluster.Get(id).status().checkpoints(0).step() == best);
    }
  }
}

TEST_CASE("a job that has to stop early cannot be made async", "[cluster]") {
  StepGate gate(5);
  MiniOptions options{.servers = 1, .workers = 1};
  options.on_push = [&](const pb::PushHeader& header) { gate.Pass(header.step()); };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(Overfitting().Yaml(1));
  REQUIRE(gate.AwaitArrival());
  const absl::Status refused = cluster.Set(id, "consistency=async");
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(absl::StrContains(refused.message(), "found async with train.early_stop; expected bsp"));
  gate.Open(UINT64_MAX);
  CheckStopped(cluster, id, Overfitting());
}

}  // namespace
}  // namespace paracord
