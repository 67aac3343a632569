#include "tests/cluster/jobs.h"

#include <atomic>
#include <fstream>
#include <map>
#include <set>

namespace paracord {
namespace {

// Lets nobody on before `parties` different names have come, or a minute has passed.
class Meeting {
 public:
  explicit Meeting(size_t parties) : parties_(parties) {}
  void Arrive(const std::string& name) {
    MutexLock lock(mutex_);
    names_.insert(name);
    changed_.NotifyAll();
    while (names_.size() < parties_ && changed_.WaitUntil(mutex_, until_)) {
    }
    met_ = names_.size() == parties_;
  }
  bool met() {
    MutexLock lock(mutex_);
    return met_;
  }

 private:
  const size_t parties_;
  const TimePoint until_ = Clock::now() + seconds(60);
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> names_ ABSL_GUARDED_BY(mutex_);
  bool met_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_CASE("two jobs run side by side on one cluster, and neither sees the other", "[cluster]") {
  Meeting meeting(2);
  MiniOptions options{.servers = 2, .workers = 3, .slots = 2};
  options.on_push = [&](const pb::PushHeader& header) {
    if (header.step() == 2) meeting.Arrive(header.job());  // passed only while both run
  };
  MiniCluster cluster(options);
  const std::string first = cluster.Submit(DropoutJob().Yaml(3));
  const std::string second = cluster.Submit(AdamwJob().Yaml(3));
  CheckSameBits(cluster, first, DropoutJob());
  CheckSameBits(cluster, second, AdamwJob());
  CHECK(meeting.met());
}

SmallJob EndlessJob() {
  SmallJob job = SgdJob();
  const std::string length = "epochs: 2";
  job.text.replace(job.text.find(length), length.size(), "steps: 100000000");
  return job;
}

TEST_CASE("a cancelled job frees its slots for the one that waits", "[cluster]") {
  MiniCluster cluster({.servers = 2, .workers = 2});
  const std::string endless = cluster.Submit(EndlessJob().Yaml(2));
  const std::string next = cluster.Submit(NesterovJob().Yaml(2));
  REQUIRE(MiniCluster::Eventually([&] { return cluster.Get(endless).status().step() > 3; }));
  CHECK(cluster.State(next) == pb::PENDING);
  CHECK(cluster.Get(next).status().waits_size() > 0);
  REQUIRE(cluster.Cancel(endless).ok());
  CheckSameBits(cluster, next, NesterovJob());
  CHECK(cluster.State(endless) == pb::CANCELLED);
  CHECK(cluster.Cancel(endless).ok());  // again: the first answer may have been lost
}

// Sees every evaluation that a job's rank 0 reports, by version.
class Evaluations {
 public:
  void OnReport(const pb::TaskReport& report) {
    if (report.rank() != 0 || report.metrics_size() == 0) return;
    std::vector<double> metrics;
    for (const pb::Metric& metric : report.metrics()) metrics.push_back(metric.value());
    MutexLock lock(mutex_);
    if (seen_.empty() || seen_.back() != metrics) seen_.push_back(metrics);
    changed_.NotifyAll();
  }
  // False: fewer than `count` within a minute.
  bool Await(size_t count) {
    const TimePoint until = Clock::now() + seconds(60);
    MutexLock lock(mutex_);
    while (seen_.size() < count) {
      if (!changed_.WaitUntil(mutex_, until)) return false;
    }
    return true;
  }
  std::vector<std::vector<double>> seen() {
    MutexLock lock(mutex_);
    return seen_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::vector<double>> seen_ ABSL_GUARDED_BY(mutex_);
};

TEST_CASE("an evaluation is reported at every epoch's end and at the end, as the plain loop's",
          "[cluster]") {
  for (const SmallJob& job : {DropoutJob(), AdamwJob(), NesterovJob()}) {
    const std::map<uint64_t, std::vector<double>>& expected = job.Plain().evaluated;
    Evaluations evaluations;
    std::atomic<bool> missed{false};
    MiniOptions options{.servers = 2, .workers = 2};
    // A report may be overtaken by a newer one: rank 0 begins the step after an evaluation's only
    // when that has been told.
    options.on_push = [&](const pb::PushHeader& header) {
      if (header.rank() != 0 || header.step() == 0) return;
      const auto due = std::distance(expected.begin(), expected.lower_bound(header.step()));
      if (!evaluations.Await(static_cast<size_t>(due))) missed = true;
    };
    options.on_report = [&](const pb::TaskReport& report) { evaluations.OnReport(report); };
    MiniCluster cluster(options);
    const std::string id = cluster.Submit(job.Yaml(2));
    CheckSameBits(cluster, id, job);
    CHECK_FALSE(missed);
    std::vector<std::vector<double>> in_order;
    for (const auto& [version, metrics] : expected) in_order.push_back(metrics);
    CHECK(evaluations.seen() == in_order);
    CHECK(cluster.Get(id).status().metrics(0).name() == "test_loss");
  }
}

TEST_CASE("every sample of every epoch is counted once", "[cluster]") {
  MiniCluster cluster({.servers = 1, .workers = 3});
  const std::string id = cluster.Submit(DropoutJob().Yaml(3));
  REQUIRE(cluster.WaitForEnd(id) == pb::SUCCEEDED);
  const pb::JobStatus status = cluster.Get(id).status();
  REQUIRE(status.samples_size() == 4);
  for (const pb::EpochSamples& epoch : status.samples()) {
    CHECK(epoch.expected() == 61);
    CHECK(epoch.applied() == 61);
  }
}

std::string CsvJob(const std::string& path) {
  return absl::StrCat(R"(name: csv
model: {input: [3], layers: [{linear: 2}], loss: softmax_cross_entropy}
data:
  train: {format: csv, path: )",
                      path, R"(, label: y}
train: {steps: 4, batch_size: 2, optimizer: {kind: sgd, lr: 0.1}}
workers: 2
)");
}

TEST_CASE("data that do not suit the model fail the job with what was found and expected",
          "[cluster]") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/data.csv";
  std::ofstream(path) << "a,b,y\n1,2,0\n3,4,1\n";  // two features, the model wants three
  MiniCluster cluster({.servers = 1, .workers = 2});
  const std::string id = cluster.Submit(CsvJob(path));
  REQUIRE(cluster.WaitForEnd(id) == pb::FAILED);
  const pb::Failure failure = cluster.Get(id).status().first_failure();
  INFO(failure.DebugString());
  CHECK(failure.code() == "InvalidArgument");
  CHECK(failure.message().find("found samples of 2 values") != std::string::npos);
  CHECK(failure.message().find("expects 3") != std::string::npos);
  CHECK(failure.node().rfind("worker-", 0) == 0);
  CHECK(failure.exit() == 1);
  // The cluster is none the worse for it.
  CheckSameBits(cluster, cluster.Submit(SgdJob().Yaml(2)), SgdJob());
}

TEST_CASE("a label that the model has no output for fails the job", "[cluster]") {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/data.csv";
  std::ofstream(path) << "a,b,c,y\n1,2,3,0\n3,4,5,7\n";
  MiniCluster cluster({.servers = 1, .workers = 2});
  const std::string id = cluster.Submit(CsvJob(path));
  REQUIRE(cluster.WaitForEnd(id) == pb::FAILED);
  const pb::Failure failure = cluster.Get(id).status().first_failure();
  INFO(failure.DebugString());
  CHECK(failure.message().find("7") != std::string::npos);
}

}  // namespace
}  // namespace paracord
