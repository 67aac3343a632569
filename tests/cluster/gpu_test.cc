// Jobs on GPUs through whole clusters, on GPUs that nobody has: fake devices that compute on the
// CPU, and a worker daemon whose list of GPUs is given to it.
#include "scheduler/scheduler.h"
#include "server/server.h"
#include "tests/cluster/jobs.h"
#include "tests/support/fake_gpu.h"
#include "worker/worker.h"

namespace paracord {
namespace {

std::string OnGpus(const SmallJob& job, uint32_t workers) {
  return job.Yaml(workers) + "device: cuda\n";
}

TEST_CASE("the bits on 1, 2 and 4 tasks that share GPUs are those of one task", "[cluster]") {
  for (const uint32_t workers : {1, 2, 4}) {
    MiniCluster cluster({.servers = 2, .workers = 2, .gpus = 1, .gpu_slots = 2});
    const std::string id = cluster.Submit(OnGpus(DropoutJob(), workers));
    CheckSameBits(cluster, id, DropoutJob());
    const pb::JobStatus status = cluster.Get(id).status();
    CHECK(status.device() == "cuda");
    CHECK(status.compute_class() == absl::StrCat(kFakeIsa, " ", kFakeLibrary));
    for (const pb::TaskStatus& task : status.tasks()) CHECK(task.gpu() == 0);
  }
}

TEST_CASE("a task on a GPU that is killed starts again there, and the bits are the same",
          "[cluster]") {
  std::atomic<bool> killed{false};
  MiniCluster* shared = nullptr;
  MiniOptions options{.servers = 1, .workers = 2, .gpus = 1};
  options.on_push = [&](const pb::PushHeader& header) {
    if (header.step() == 3 && !killed.exchange(true)) shared->KillTask(header.job(), 1);
  };
  MiniCluster cluster(options);
  shared = &cluster;
  const std::string id = cluster.Submit(OnGpus(DropoutJob(), 2));
  CheckSameBits(cluster, id, DropoutJob());
  CHECK(cluster.Starts(id, 1) == 2);
}

TEST_CASE("a job on CPUs runs on CPUs where there are GPUs, and auto on GPUs", "[cluster]") {
  MiniCluster cluster({.servers = 1, .workers = 2, .gpus = 1});
  const std::string cpu = cluster.Submit(AdamwJob().Yaml(2) + "device: cpu\n");
  const std::string any = cluster.Submit(AdamwJob().Yaml(2));
  CheckSameBits(cluster, cpu, AdamwJob());
  CheckSameBits(cluster, any, AdamwJob());
  CHECK(cluster.Get(cpu).status().device() == "cpu");
  CHECK(!cluster.Get(cpu).status().tasks(0).has_gpu());
  CHECK(cluster.Get(any).status().device() == "cuda");
}

// A real scheduler, and real worker daemons that are told what GPUs they have.
struct Daemons {
  TemporaryDirectory folder;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Worker> worker;

  Daemons() {
    SetLogLevel(LogLevel::kError);
    Scheduler::Options options;
    options.bind = "127.0.0.1:0";
    options.directory = folder.path() + "/scheduler";
    options.log_level = LogLevel::kError;
    scheduler = Scheduler::Start(options).value();
  }
  ~Daemons() {
    if (worker != nullptr) worker->Stop();
    scheduler->Stop();
  }
  absl::Status StartWorker(const std::string& yaml, const GpuFinder& find) {
    Worker::Options options = Worker::ParseOptions(ConfigReader(yaml).root());
    options.bind = "127.0.0.1:0";
    options.directory = folder.path() + "/worker";
    options.scheduler = scheduler->address();
    options.log_level = LogLevel::kError;
    auto started = Worker::Start(options, find);
    if (!started.ok()) return started.status();
    worker = *std::move(started);
    return absl::OkStatus();
  }
  // Its node, once it has joined.
  pb::Node Joined() {
    pb::ListNodesReply nodes;
    const bool there = MiniCluster::Eventually([&] {
      nodes = Await<pb::ListNodesReply>([&](auto done) {
                scheduler->coordinator().ListNodes({}, std::move(done));
              }).value();
      return nodes.nodes_size() == 2;
    });
    REQUIRE(there);
    return nodes.nodes(1);
  }
  absl::Status Submit(const std::string& yaml) {
    pb::SubmitRequest request;
    request.set_yaml(yaml);
    request.set_directory("/");
    return Await<pb::SubmitReply>(
               [&](auto done) { scheduler->coordinator().Submit(request, std::move(done)); })
        .status();
  }
};

TEST_CASE("a worker daemon joins with the GPUs that it was told to offer", "[cluster]") {
  Daemons daemons;
  const auto find = [] { return FakeGpus(3); };
  REQUIRE(daemons.StartWorker("{slots: 0, gpus: [0, 2], gpu_memory_fraction: 0.3}", find).ok());
  const pb::Node node = daemons.Joined();
  CHECK(node.slots() == 0);
  REQUIRE(node.gpus_size() == 2);
  CHECK(node.gpus(1).index() == 2);
  CHECK(node.gpus(1).slots() == 3);
  CHECK(node.gpus(1).compute().library() == kFakeLibrary);
  CHECK(daemons.Submit(OnGpus(SgdJob(), 1)).ok());
}

TEST_CASE("a task is started on the GPU that its plan names, and says what it cannot open there",
          "[cluster]") {
  Daemons daemons;
  Server::Options options;
  options.bind = "127.0.0.1:0";
  options.directory = daemons.folder.path() + "/server";
  options.scheduler = daemons.scheduler->address();
  options.log_level = LogLevel::kError;
  const auto server = Server::Start(options).value();
  const auto find = [] { return FakeGpus(2); };
  REQUIRE(daemons.StartWorker("{slots: 0, gpus: [1]}", find).ok());
  REQUIRE(daemons.Submit(OnGpus(SgdJob(), 1)).ok());
  pb::JobStatus job;
  const auto failed = [&] {
    pb::ListJobsReply jobs = Await<pb::ListJobsReply>([&](auto done) {
                               daemons.scheduler->coordinator().ListJobs({}, std::move(done));
                             }).value();
    job = jobs.jobs(0);
    return job.state() == pb::FAILED;
  };
  CHECK(MiniCluster::Eventually(failed));
  INFO(job.DebugString());
  CHECK(job.tasks(0).gpu() == 1);
  CHECK(job.first_failure().node() == "worker-0");
  // Nobody has that GPU: no module, no driver, or another class than the fake one's.
  CHECK(job.first_failure().message().find("cuda") != std::string::npos);
  server->Stop();
}

TEST_CASE("a worker daemon without GPUs says what it has found to who submits", "[cluster]") {
  Daemons daemons;
  const auto find = [] { return absl::NotFoundError("looked for a driver, and found none"); };
  CHECK(absl::IsInvalidArgument(daemons.StartWorker("{gpus: [1]}", find)));
  const absl::Status idle = daemons.StartWorker("{slots: 0, gpus: auto}", find);
  CHECK(idle == absl::InvalidArgumentError("slots: found 0 on a worker without GPUs; expected at "
                                           "least 1 (looked for a driver, and found none)"));
  REQUIRE(daemons.StartWorker("{name: w7, gpus: auto}", find).ok());
  CHECK(daemons.Joined().gpus().empty());
  const absl::Status refused = daemons.Submit(OnGpus(SgdJob(), 1));
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(std::string(refused.message()).find("w7: looked for a driver, and found none") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
