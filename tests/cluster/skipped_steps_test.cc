// on_nonfinite: skip_step over whole clusters: the plain loop's bits, the poisoned steps left out.
#include <atomic>
#include <cmath>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "tests/cluster/jobs.h"

namespace paracord {
namespace {

// 60 rows of which one makes an infinite loss: in each epoch one step, in one slice. `optimizer`:
// of the job file.
class PoisonedData {
 public:
  PoisonedData() {
    std::ofstream out(folder_.path() + "/train.csv");
    out << "a,b,y\n";
    for (int i = 0; i < 60; ++i) {
      const double a = (i * 37 % 60) / 60.0 - 0.5, b = (i * 23 % 60) / 60.0 - 0.5;
      out << (i == kPoisoned ? "1e30" : std::to_string(a)) << "," << b << "," << a * b << "\n";
    }
  }
  SmallJob Job(const std::string& optimizer = "{kind: adam, lr: 0.01}") const {
    return {absl::StrCat(R"(name: poisoned
seed: 21
model: {input: [2], layers: [{linear: 160}, relu, {linear: 130}, relu, {linear: 1}], loss: mse}
data: {train: {format: csv, path: )",
                         folder_.path(), R"(/train.csv, label: y}}
train: {epochs: 4, batch_size: 12, virtual_workers: 6, optimizer: )",
                         optimizer, R"(}
restart: {max_restarts: 100}
on_nonfinite: skip_step
)")};
  }
  static constexpr int kPoisoned = 29;
  static constexpr uint64_t kEpochs = 4;

 private:
  const TemporaryDirectory folder_;
};

bool AllFinite(const Tensors& weights) {
  for (const std::vector<float>& tensor : weights) {
    for (const float value : tensor) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

std::vector<std::string> Skips(const pb::JobStatus& status) {
  std::vector<std::string> texts;
  for (const pb::Event& event : status.events()) {
    if (absl::StartsWith(event.text(), "step ") && absl::StrContains(event.text(), " skipped")) {
      texts.push_back(event.text());
    }
  }
  return texts;
}

void CheckSkipped(MiniCluster& cluster, const std::string& id, const SmallJob& job) {
  CHECK(job.Plain().skipped == PoisonedData::kEpochs);
  CHECK(AllFinite(job.Plain().weights));
  CheckSameBits(cluster, id, job);
  CheckAudit(cluster, id);
  CHECK(cluster.Get(id).status().skipped_steps() == PoisonedData::kEpochs);
}

TEST_CASE("steps with a poisoned sample change nothing, on any workers and servers", "[cluster]") {
  const PoisonedData data;
  for (const uint32_t servers : {1u, 2u, 3u}) {
    for (const uint32_t workers : {1u, 2u, 4u}) {
      CAPTURE(servers, workers);
      MiniCluster cluster({.servers = servers, .workers = workers, .threads = 2});
      const SmallJob job = data.Job();
      const std::string id = cluster.Submit(job.Yaml(workers));
      CheckSkipped(cluster, id, job);
      const std::vector<std::string> skips = Skips(cluster.Get(id).status());
      REQUIRE(skips.size() == PoisonedData::kEpochs);
      INFO(skips[0]);
      CHECK(absl::StrContains(skips[0], " skipped: the loss is "));
      CHECK(absl::StrContains(skips[0], absl::StrCat(PoisonedData::kPoisoned)));
    }
  }
}

TEST_CASE("so do all update rules, behind a wire", "[cluster]") {
  const PoisonedData data;
  MiniCluster cluster({.servers = 2, .workers = 2, .loopback = true});
  for (const char* optimizer :
       {"{kind: sgd, lr: 0.05}", "{kind: momentum, lr: 0.02, weight_decay: 0.01}",
        "{kind: adamw, lr: 0.01, weight_decay: 0.1, schedule: cosine}"}) {
    CAPTURE(optimizer);
    const SmallJob job = data.Job(optimizer);
    CheckSkipped(cluster, cluster.Submit(job.Yaml(2)), job);
  }
}

TEST_CASE("so they do with tasks killed, and no step is counted twice or forgotten", "[cluster]") {
  const PoisonedData data;
  const SmallJob job = data.Job();
  for (const int every : {5, 7, 11, 16}) {
    CAPTURE(every);
    std::atomic<int> pushes{0}, killed{0};
    MiniCluster* running = nullptr;
    MiniOptions options{.servers = 2, .workers = 2};
    options.on_push = [&](const pb::PushHeader& header) {
      if (++pushes % every == 0 && killed < 8) {
        killed += running->KillTask(header.job(), header.rank());
      }
    };
    MiniCluster cluster(options);
    running = &cluster;
    const std::string id = cluster.Submit(job.Yaml(2));
    CheckSkipped(cluster, id, job);
    CHECK(killed > 0);
  }
}

TEST_CASE("so they do when servers stop in order and return", "[cluster]") {
  const PoisonedData data;
  const SmallJob job = data.Job();
  std::atomic<int> pushes{0};
  MiniOptions options{.servers = 2, .workers = 2};
  options.on_push = [&](const pb::PushHeader&) { ++pushes; };
  MiniCluster cluster(options);
  const std::string id = cluster.Submit(job.Yaml(2));
  for (const int at : {5, 15}) {
    REQUIRE(MiniCluster::Eventually([&] { return pushes > at; }));
    cluster.StopServer(at == 5 ? 1 : 0);
    cluster.StartServer(at == 5 ? 1 : 0);
  }
  CheckSkipped(cluster, id, job);
}

TEST_CASE("ssp and async leave out the poisoned minibatches alone, and go on", "[cluster]") {
  const PoisonedData data;
  for (const char* consistency : {"async", "{ssp: 1}"}) {
    for (const uint32_t workers : {1u, 2u, 3u}) {
      CAPTURE(consistency, workers);
      MiniCluster cluster({.servers = 2, .workers = 3});
      const std::string id = cluster.Submit(With(data.Job(), consistency, workers));
      CheckTrained(cluster, id);
      const auto weights = cluster.ReadWeights(id);
      REQUIRE(weights.ok());
      CHECK(AllFinite(*weights));
      const pb::JobStatus status = cluster.Get(id).status();
      CHECK(status.skipped_steps() == PoisonedData::kEpochs);
      CHECK(Skips(status).size() == PoisonedData::kEpochs);
    }
  }
}

}  // namespace
}  // namespace paracord
