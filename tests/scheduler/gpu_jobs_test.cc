// Jobs on GPUs through the whole scheduler: what it refuses, decides once, keeps, and shows.
#include <catch2/catch.hpp>

#include "tests/scheduler/sim_cluster.h"

namespace paracord {
namespace {

pb::Gpu MakeGpu(uint32_t index, uint32_t slots = 1, const std::string& isa = "sm_90") {
  pb::Gpu gpu;
  gpu.set_index(index);
  gpu.set_name("Fake");
  gpu.set_memory_bytes(uint64_t{80} << 30);
  gpu.set_slots(slots);
  gpu.mutable_compute()->set_device("cuda");
  gpu.mutable_compute()->set_isa(isa);
  gpu.mutable_compute()->set_library("CUDA 13.0");
  return gpu;
}

struct GpuCluster {
  SimCluster sim;

  GpuCluster() { sim.AddServer("server-0"); }
  // Joins again, with these GPUs.
  void SetGpus(const std::string& worker, const std::vector<pb::Gpu>& gpus,
               const std::string& why = "") {
    pb::JoinRequest& who = sim.host(worker).who;
    who.clear_gpus();
    for (const pb::Gpu& gpu : gpus) *who.add_gpus() = gpu;
    who.set_no_gpus(why);
    sim.Start(worker);
    REQUIRE(sim.host(worker).joined);
  }
  void AddWorker(const std::string& name, const std::vector<pb::Gpu>& gpus,
                 const std::string& why = "") {
    sim.AddWorker(name);
    SetGpus(name, gpus, why);
  }
  std::string Submit(const std::string& device, uint32_t workers = 1) {
    return sim.Submit({.workers = workers, .device = device});
  }
  std::string PlaceOfTask(const std::string& job) {
    const pb::TaskSlot slot = sim.Get(job).plan().tasks(0);
    return PlaceString(PlaceOf(slot));
  }
};

TEST_CASE("device cuda without a GPU is refused at submit, with what each worker has found") {
  GpuCluster cluster;
  cluster.AddWorker("worker-0", {}, "looked for a module, which does not exist");
  cluster.AddWorker("worker-1", {}, "gpus: none in its configuration");
  const absl::Status refused = cluster.sim.TrySubmit({.device = "cuda"}).status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message() ==
        "device: found cuda, and no GPU on any worker of this cluster; expected cpu, auto, or a "
        "worker with a GPU. worker-0: looked for a module, which does not exist; worker-1: gpus: "
        "none in its configuration");
  CHECK(cluster.sim.Jobs().empty());
  CHECK(cluster.sim.State(cluster.Submit("auto")) == pb::RUNNING);
}

TEST_CASE("device cuda is waited for while no worker has joined, or the one with a GPU is lost") {
  GpuCluster cluster;
  const std::string early = cluster.Submit("cuda");
  CHECK(cluster.sim.Waits(early).find(
            "1 free slots on a GPU needed, 0 free: no worker has joined") != std::string::npos);
  cluster.AddWorker("worker-0", {MakeGpu(0)});
  CHECK(cluster.sim.State(early) == pb::RUNNING);
  cluster.AddWorker("worker-1", {}, "none");
  cluster.sim.Kill("worker-0");
  cluster.sim.Pass(seconds(5));
  const std::string late = cluster.Submit("cuda");
  CHECK(cluster.sim.Waits(late).find("1 GPU needed, 0 free (1 node has none)") !=
        std::string::npos);
  cluster.sim.Leave("worker-1");
}

TEST_CASE("what auto has found at the first start stays, over deaths and restarts of everybody") {
  GpuCluster cluster;
  SimCluster& sim = cluster.sim;
  cluster.AddWorker("worker-0", {MakeGpu(0)});
  const std::string job = cluster.Submit("auto");
  CHECK(cluster.PlaceOfTask(job) == "worker-0 GPU 0");
  CHECK(sim.Get(job).status().device() == "cuda");
  CHECK(sim.Get(job).status().compute_class() == "sm_90 CUDA 13.0");
  CHECK(sim.Get(job).status().tasks(0).gpu() == 0);
  cluster.AddWorker("worker-1", {MakeGpu(0, 1, "sm_80")});
  cluster.AddWorker("worker-2", {});
  sim.Kill("worker-0");
  sim.Pass(seconds(5));
  const std::string wait =
      "1 GPU of class sm_90 CUDA 13.0 (worker-1 has sm_80 CUDA 13.0; 1 node has none)";
  CHECK(sim.Waits(job).find(wait) != std::string::npos);
  sim.RestartScheduler();
  sim.Pass(seconds(5));
  CHECK(sim.Waits(job).find(wait) != std::string::npos);
  cluster.AddWorker("worker-3", {MakeGpu(0, 1, "sm_80"), MakeGpu(1)});
  sim.Pass(seconds(1));
  CHECK(cluster.PlaceOfTask(job) == "worker-3 GPU 1");
  CHECK(sim.Get(job).status().tasks(0).gpu() == 1);
}

TEST_CASE("a job that goes back to a checkpoint gets GPUs of the class that it had") {
  GpuCluster cluster;
  SimCluster& sim = cluster.sim;
  cluster.AddWorker("worker-0", {MakeGpu(0)});
  const std::string job = cluster.Submit("cuda");
  sim.Checkpoint(job, 2);
  REQUIRE(sim.Cancel(job).ok());
  cluster.SetGpus("worker-0", {MakeGpu(0, 1, "sm_80")});
  sim.Pass(seconds(3));
  const absl::Status other = sim.Change(job, pb::ChangeCheckpointRequest::RESTORE, 2).status();
  CHECK(other.message() ==
        "1 GPU of class sm_90 CUDA 13.0 needed, 0 free (worker-0 has sm_80 CUDA 13.0)");
  cluster.SetGpus("worker-0", {MakeGpu(0)});
  sim.Pass(seconds(3));
  REQUIRE(sim.Change(job, pb::ChangeCheckpointRequest::RESTORE, 2).ok());
  CHECK(cluster.PlaceOfTask(job) == "worker-0 GPU 0");
}

TEST_CASE("a task that computes as another class than its plan says ends the job") {
  GpuCluster cluster;
  cluster.AddWorker("worker-0", {MakeGpu(0)});
  const std::string job = cluster.Submit("cuda");
  pb::TaskReport report = cluster.sim.MakeReport(job, 0);
  *report.mutable_compute() = MakeGpu(0, 1, "sm_80").compute();
  CHECK(absl::IsFailedPrecondition(cluster.sim.Report(report)));
  CHECK(cluster.sim.Get(job).status().first_failure().message() ==
        "task 0 on worker-0 computes as cuda sm_80 CUDA 13.0, the job's plan as cuda sm_90 CUDA "
        "13.0");
}

TEST_CASE("a range on GPUs gives some back to a job that waits for one, and no CPU slot for it") {
  GpuCluster cluster;
  SimCluster& sim = cluster.sim;
  cluster.AddWorker("worker-0", {MakeGpu(0), MakeGpu(1)});
  const std::string range = sim.Submit({.workers = 2, .min_workers = 1, .device = "cuda"});
  CHECK(sim.Get(range).plan().tasks_size() == 2);
  const std::string cpu = sim.Submit({.workers = 1, .device = "cpu"});
  CHECK(sim.State(cpu) == pb::RUNNING);
  CHECK(sim.Get(range).plan().tasks_size() == 2);
  const std::string next = cluster.Submit("cuda");
  sim.Pass(seconds(3));
  CHECK(sim.Get(range).plan().tasks_size() == 1);
  CHECK(cluster.PlaceOfTask(next) == "worker-0 GPU 1");
}

TEST_CASE("nodes show a worker's GPUs and what they are busy with") {
  GpuCluster cluster;
  cluster.AddWorker("worker-0", {MakeGpu(0, 2), MakeGpu(3, 2)});
  cluster.Submit("cuda", 3);
  cluster.Submit("cpu");
  const pb::Node node = cluster.sim.Nodes().back();
  CHECK(node.slots() == 1);
  CHECK(node.tasks() == 4);
  REQUIRE(node.gpus_size() == 2);
  CHECK(node.gpus(0).tasks() == 2);
  CHECK(node.gpus(1).tasks() == 1);
  CHECK(node.gpus(1).index() == 3);
  CHECK(node.gpus(1).name() == "Fake");
}

TEST_CASE("what a worker says of its GPUs is looked at before it counts") {
  GpuCluster cluster;
  cluster.sim.AddWorker("worker-0");
  SimHost& host = cluster.sim.host("worker-0");
  const auto refused = [&](const std::vector<pb::Gpu>& gpus) {
    host.who.clear_gpus();
    for (const pb::Gpu& gpu : gpus) *host.who.add_gpus() = gpu;
    return absl::IsInvalidArgument(cluster.sim.Join(host).status());
  };
  CHECK(!refused({MakeGpu(0), MakeGpu(7)}));
  CHECK(refused({MakeGpu(0), MakeGpu(0)}));
  CHECK(refused({MakeGpu(1), MakeGpu(0)}));
  CHECK(refused({MakeGpu(0, 0)}));
  CHECK(refused({MakeGpu(0, 1u << 31)}));
  CHECK(refused(std::vector<pb::Gpu>(1000, MakeGpu(0))));
  pb::Gpu other = MakeGpu(0);
  other.mutable_compute()->set_device("cpu");
  CHECK(refused({other}));
  host.who.set_slots(0);
  CHECK(refused({}));
  CHECK(!refused({MakeGpu(0)}));
  host.who.set_no_gpus(std::string(1 << 20, 'x'));
  CHECK(refused({MakeGpu(0)}));
}

}  // namespace
}  // namespace paracord
