// Where jobs on GPUs run, and what those wait for that cannot: the planner alone, with made-up
// GPUs.
#include <catch2/catch.hpp>

#include "scheduler/drain.h"
#include "scheduler/gpu_needs.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/resize.h"
#include "tests/scheduler/hosts.h"

namespace paracord {
namespace {

constexpr DeviceKind kOnGpus = DeviceKind::kCuda;

pb::Plan First(Hosts& hosts, uint32_t tasks, DeviceKind device = kOnGpus) {
  JobNeeds needs = Needs(tasks, device);
  const Planned planned = FirstPlan("j-1", needs, hosts.resources);
  INFO(Texts(planned));
  REQUIRE(planned.plan.has_value());
  return *planned.plan;
}

std::string WaitsOf(Hosts& hosts, uint32_t tasks, DeviceKind device = kOnGpus) {
  JobNeeds needs = Needs(tasks, device);
  const Planned planned = FirstPlan("j-1", needs, hosts.resources);
  CHECK(planned.lacks_slots == !planned.plan.has_value());
  return Texts(planned);
}

// Two hosts of two GPUs, and one without.
struct ThreeHosts : Hosts {
  ThreeHosts() {
    Server("s").Worker("a", 1).Gpu().Gpu();
    Worker("b", 1).Gpu().Gpu();
    Worker("c", 4);
  }
};

TEST_CASE("a job on GPUs takes a GPU for each task, and is spread over GPUs before hosts") {
  ThreeHosts hosts;
  CHECK(Placement(First(hosts, 1)) == "a:0[0,8) ");
  CHECK(Placement(First(hosts, 3)) == "a:0[0,2) b:0[2,5) a:1[5,8) ");
  const pb::Plan plan = First(hosts, 4);
  CHECK(Placement(plan) == "a:0[0,2) b:0[2,4) a:1[4,6) b:1[6,8) ");
  CHECK(plan.compute().device() == "cuda");
  CHECK(plan.compute().isa() == "sm_90");
  CHECK(plan.compute().library() == "CUDA 13.0");
}

TEST_CASE("tasks on GPUs and tasks on CPUs do not take each other's slots") {
  ThreeHosts hosts;
  hosts.Occupy(First(hosts, 4));
  CHECK(Placement(First(hosts, 6, DeviceKind::kCpu)) ==
        "c[0,1) a[1,2) b[2,4) c[4,5) c[5,6) c[6,8) ");
  CHECK(WaitsOf(hosts, 1) ==
        "1 GPU needed, 0 free (a GPU 0: 1 of 1 busy with j-1; a GPU 1: 1 of 1 busy with j-1; b "
        "GPU 0: 1 of 1 busy with j-1; b GPU 1: 1 of 1 busy with j-1; 1 node has none)\n");
}

TEST_CASE("a worker without CPU slots runs tasks on its GPUs alone") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 0).Gpu();
  CHECK(Placement(First(hosts, 1)) == "a:0[0,8) ");
  CHECK(WaitsOf(hosts, 1, DeviceKind::kCpu) == "1 free slots on a CPU needed, 0 free\n");
}

TEST_CASE("tasks share a GPU as far as its memory is cut for it, other GPUs first") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1).Gpu(2);
  CHECK(Placement(First(hosts, 2)) == "a:0[0,4) a:0[4,8) ");
  CHECK(WaitsOf(hosts, 3) == "3 GPUs of one class needed, 2 free\n");
  hosts.Occupy(First(hosts, 1));
  CHECK(Placement(First(hosts, 1)) == "a:0[0,8) ");  // another job's
  hosts.Occupy(First(hosts, 1));
  CHECK(WaitsOf(hosts, 1) == "1 GPU needed, 0 free (a GPU 0: 2 of 2 busy with j-1)\n");
  Hosts two;
  two.Server("s").Worker("a", 1).Gpu(3).Gpu(3);
  CHECK(Placement(First(two, 3)) == "a:0[0,2) a:1[2,5) a:0[5,8) ");
}

TEST_CASE("a job never runs on GPUs of two classes, whether architecture or library differs") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1).Gpu(1, "sm_80").Gpu(1, "sm_90");
  hosts.Worker("b", 1).Gpu(1, "sm_90");
  CHECK(Placement(First(hosts, 2)) == "a:1[0,4) b:0[4,8) ");
  CHECK(WaitsOf(hosts, 3) == "3 GPUs of one class needed, 2 free\n");
  hosts.members.back().who.mutable_gpus(0)->mutable_compute()->set_library("CUDA 13.1");
  CHECK(WaitsOf(hosts, 2) == "2 GPUs of one class needed, 1 free\n");
}

TEST_CASE(
    "device auto takes GPUs where there are enough of one class, whoever has them, else CPUs") {
  ThreeHosts hosts;
  CHECK(Placement(First(hosts, 4, DeviceKind::kAuto)) == "a:0[0,2) b:0[2,4) a:1[4,6) b:1[6,8) ");
  CHECK(First(hosts, 5, DeviceKind::kAuto).compute().device() == "cpu");
  // What is busy is waited for: a job's device does not depend on who came before it.
  hosts.Occupy(First(hosts, 1));
  CHECK(WaitsOf(hosts, 4, DeviceKind::kAuto).find("4 GPUs of one class needed, 3 free (a GPU 0") ==
        0);
  hosts.resources.draining = {"a"};
  CHECK(First(hosts, 4, DeviceKind::kAuto).compute().device() == "cpu");
  Hosts mixed;
  mixed.Server("s").Worker("a", 2).Gpu(1, "sm_80").Gpu(1, "sm_90");
  CHECK(First(mixed, 2, DeviceKind::kAuto).compute().device() == "cpu");
  CHECK(First(mixed, 1, DeviceKind::kAuto).compute().isa() == "sm_90");
}

TEST_CASE("a lost task goes to its GPU, its host's other one, another host's, all of its class") {
  ThreeHosts hosts;
  hosts.Worker("d", 1).Gpu(1, "sm_80");
  const pb::Plan plan = First(hosts, 1);
  const auto next = [&] { return NextPlan(plan, {.lost = {0}}, hosts.resources); };
  CHECK(Placement(*next().plan) == "a:0[0,8) ");
  CHECK(next().why == "task 0 starts again on a GPU 0");
  const auto take = [&](const std::string& worker, uint32_t gpu) {
    hosts.resources.usage.slots[{worker, gpu}] = {"x-2"};
  };
  take("a", 0);
  CHECK(Placement(*next().plan) == "a:1[0,8) ");
  take("a", 1);
  CHECK(Placement(*next().plan) == "b:0[0,8) ");
  CHECK(next().plan->compute().isa() == "sm_90");
  take("b", 0);
  take("b", 1);
  CHECK(!next().plan.has_value());  // there are free CPUs, and a free GPU that computes other bits
  CHECK(Texts(next()) ==
        "1 GPU of class sm_90 CUDA 13.0 (a GPU 0: 1 of 1 busy with x-2; a GPU 1: 1 of 1 busy with "
        "x-2; b GPU 0: 1 of 1 busy with x-2; b GPU 1: 1 of 1 busy with x-2; d has sm_80 CUDA "
        "13.0; 1 node has none)\n");
}

TEST_CASE("of several classes with enough free GPUs a job gets the newest architecture") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1).Gpu(1, "sm_90x132").Gpu(1, "sm_120x188").Gpu(1, "sm_80x108");
  CHECK(First(hosts, 1).compute().isa() == "sm_120x188");
  hosts.Occupy(First(hosts, 1));
  CHECK(First(hosts, 1).compute().isa() == "sm_90x132");
}

TEST_CASE("a job on CPUs never moves to a GPU, and one on GPUs never to a CPU") {
  ThreeHosts hosts;
  const pb::Plan cpu = First(hosts, 6, DeviceKind::kCpu);
  hosts.Occupy(cpu);
  CHECK(Texts(NextPlan(cpu, {.lost = {0, 1, 2, 3, 4, 5}}, hosts.resources))
            .find("a free slot that computes as cpu AVX2 oneDNN 2.6.0 (a: 1 of 1 busy") == 0);
  CHECK(!GrowPlan(cpu, 1, hosts.resources).plan.has_value());
  const pb::Plan gpu = First(hosts, 3);
  hosts.Occupy(gpu);
  const pb::Plan grown = *GrowPlan(gpu, 9, hosts.resources).plan;
  CHECK(Placement(grown) == "a:0[0,2) b:0[2,4) a:1[4,6) b:1[6,8) ");
}

TEST_CASE("a task moves from a drained host to another one's GPU, or waits") {
  ThreeHosts hosts;
  const pb::Plan plan = First(hosts, 2);
  hosts.Occupy(plan);
  hosts.resources.draining = {"a"};
  const Planned moved = DrainPlan(plan, 2, hosts.resources);
  CHECK(Placement(*moved.plan) == "b:1[0,4) b:0[4,8) ");
  CHECK(moved.why == "task 0 moves from a GPU 0 to b GPU 1");
  hosts.resources.usage.slots[{"b", 1}] = {"x-2"};
  CHECK(Texts(DrainPlan(plan, 2, hosts.resources)) ==
        "a is being drained; 1 free slots needed, computing as cuda sm_90 CUDA 13.0 (b GPU 0: 1 "
        "of 1 busy with j-1; b GPU 1: 1 of 1 busy with x-2)\n");
}

TEST_CASE("of a GPU that is asked for, only tasks on it are given back") {
  ThreeHosts hosts;
  const pb::Plan plan = First(hosts, 4);
  using Given = std::vector<std::set<uint32_t>>;
  CHECK(GiveBack({{&plan, 1}}, {{{"b", 1}}, 4}) == Given{{3}});
  CHECK(GiveBack({{&plan, 1}}, {{{"b"}, {"c"}}, 4}) == Given{{}});  // CPUs
}

}  // namespace
}  // namespace paracord
