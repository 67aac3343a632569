#include "scheduler/planner.h"

#include <catch2/catch.hpp>

#include "scheduler/compute_class.h"
#include "scheduler/plan_tasks.h"
#include "tests/scheduler/hosts.h"

namespace paracord {
namespace {

TEST_CASE("tasks are spread evenly over workers and take contiguous virtual workers") {
  struct Case {
    std::vector<std::pair<std::string, uint32_t>> workers;
    uint32_t tasks;
    std::string placement;
  };
  const Case cases[] = {
      {{{"a", 1}}, 1, "a[0,8) "},
      {{{"a", 1}, {"b", 1}}, 2, "a[0,4) b[4,8) "},
      {{{"a", 2}, {"b", 2}}, 3, "a[0,2) b[2,5) a[5,8) "},
      {{{"a", 1}, {"b", 4}}, 1, "b[0,8) "},
      {{{"a", 1}, {"b", 4}}, 3, "b[0,2) a[2,5) b[5,8) "},
      {{{"a", 4}, {"b", 4}, {"c", 4}}, 3, "a[0,2) b[2,5) c[5,8) "},
  };
  for (const Case& c : cases) {
    Hosts hosts;
    hosts.Server("s");
    for (const auto& [name, slots] : c.workers) hosts.Worker(name, slots);
    JobNeeds needs = Needs(c.tasks);
    const Planned planned = FirstPlan("j", needs, hosts.resources);
    REQUIRE(planned.plan.has_value());
    CHECK(Placement(*planned.plan) == c.placement);
  }
}

TEST_CASE("a gang that does not fit whole gets no plan, and every need is named at once") {
  Hosts hosts;
  hosts.Server("s0", 100).Worker("w0", 2);
  hosts.resources.min_servers = 1;
  hosts.resources.usage.slots[{"w0"}] = {"other-1"};
  JobNeeds needs = Needs(2);
  Planned planned = FirstPlan("j", needs, hosts.resources);
  CHECK(!planned.plan.has_value());
  CHECK(Texts(planned) ==
        "2 free slots needed, 1 free (w0: 1 of 2 busy with other-1)\n"
        "234.4 KiB of memory on servers needed, 100 bytes of 100 bytes free\n");
  hosts.resources.min_servers = 3;
  planned = FirstPlan("j", needs, hosts.resources);
  CHECK(Texts(planned).find("3 servers needed, 1 ready: s0") != std::string::npos);
}

TEST_CASE("shards cover the grid in block order on servers in name order, within their memory") {
  Hosts hosts;
  hosts.Server("s0").Server("s1").Server("s2").Server("s3").Worker("w0", 1);
  JobNeeds needs = Needs(1);
  const Planned planned = FirstPlan("j", needs, hosts.resources);
  REQUIRE(planned.plan.has_value());
  uint64_t end = 0, bytes = 0;
  std::string last;
  for (const pb::ShardRange& shard : planned.plan->shards()) {
    CHECK(shard.block_begin() == end);
    CHECK(shard.block_begin() < shard.block_end());
    CHECK(last < shard.server());
    end = shard.block_end();
    last = shard.server();
    bytes += needs.BytesOf({shard.block_begin(), shard.block_end()});
  }
  CHECK(end == 3);
  CHECK(bytes == needs.total_bytes());
  CHECK(bytes == (2 * 10000 + 4) * 4 * 3);  // two of metrics, which a server keeps too
  hosts.resources.usage.memory["s0"] = (1 << 20) - 1000;
  const Planned full = FirstPlan("j", needs, hosts.resources);
  CHECK(!full.plan.has_value());
  CHECK(Texts(full).find("on s0 needed, 1000 bytes of 1.0 MiB free\n") != std::string::npos);
  hosts.resources.usage.held["s0"] = {"a-1", "b-2", "c-3", "d-4", "e-5"};
  CHECK(Texts(FirstPlan("j", needs, hosts.resources))
            .find("free (s0 has not freed a-1, b-2, c-3 and 2 other jobs yet)\n") !=
        std::string::npos);
}

TEST_CASE("a job computes as its weakest worker and never mixes what cannot be made the same") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1, "AVX512_CORE").Worker("b", 1, "AVX2").Worker("c", 1, "NEON");
  JobNeeds two = Needs(2), three = Needs(3), cuda = Needs(1, DeviceKind::kCuda);
  const Planned planned = FirstPlan("j", two, hosts.resources);
  REQUIRE(planned.plan.has_value());
  CHECK(planned.plan->compute().isa() == "AVX2");
  CHECK(Placement(*planned.plan) == "a[0,4) b[4,8) ");
  CHECK(!FirstPlan("j", three, hosts.resources).plan.has_value());
  CHECK(Texts(FirstPlan("j", cuda, hosts.resources)) ==
        "1 GPU needed, 0 free (3 nodes have none)\n");
}

TEST_CASE("a lost task returns to its worker, else to one that computes the same, else it waits") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1, "AVX2").Worker("b", 1, "AVX512_CORE").Worker("c", 1, "AVX");
  JobNeeds needs = Needs(1);
  pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  CHECK(plan.tasks(0).worker() == "a");
  const Planned same = NextPlan(plan, {.lost = {0}}, hosts.resources);
  CHECK(same.plan->tasks(0).worker() == "a");
  CHECK(same.plan->tasks(0).incarnation() == 2);
  CHECK(same.plan->number() == 2);
  CHECK(same.plan->history() == 1);
  hosts.resources.usage.slots[{"a"}] = {"x"};
  CHECK(NextPlan(plan, {.lost = {0}}, hosts.resources).plan->tasks(0).worker() == "b");
  hosts.resources.usage.slots[{"b"}] = {"y"};
  const Planned none = NextPlan(plan, {.lost = {0}}, hosts.resources);
  CHECK(!none.plan.has_value());
  REQUIRE(none.waits.size() == 1);
  CHECK(none.waits[0].who() == "task 0");
  CHECK(!NextPlan(plan, {}, hosts.resources).plan.has_value());
}

TEST_CASE("a range of workers takes the slots that are free, and waits below its least") {
  for (const auto& [slots, tasks] :
       std::map<uint32_t, int>{{1, 0}, {2, 2}, {3, 3}, {4, 4}, {9, 4}}) {
    Hosts hosts;
    hosts.Server("s").Worker("a", slots);
    JobNeeds needs = Needs(4);
    needs.SetWorkers(4, 2);
    const Planned planned = FirstPlan("j", needs, hosts.resources);
    CHECK(planned.plan.has_value() == (tasks > 0));
    CHECK(planned.lacks_slots == (tasks == 0));
    if (tasks == 0) {
      CHECK(Texts(planned) == "2 free slots needed, 1 free\n");
      continue;
    }
    CHECK(planned.plan->tasks_size() == tasks);
    CHECK(VirtualWorkersOf(*planned.plan) == 8);
  }
}

TEST_CASE("a plan says the job's consistency") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1);
  JobNeeds needs = Needs(1);
  needs.SetConsistency({ConsistencySpec::Mode::kSsp, 3, 0});
  const pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  CHECK(plan.consistency().mode() == pb::Consistency::SSP);
  CHECK(plan.consistency().staleness() == 3);
}

TEST_CASE("lost tasks that have no slot leave the plan, and the others take over") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1).Worker("b", 1).Worker("c", 1);
  JobNeeds needs = Needs(3);
  const pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  hosts.Occupy(plan);
  const pb::Plan next = *NextPlan(plan, {.lost = {1}}, hosts.resources).plan;
  CHECK(Ranks(next) == "0[0,4) 2[4,8) ");
  CHECK(next.number() == 2);
  CHECK(next.tasks(1).incarnation() == 1);  // the same process
  CHECK(next.tasks(1).worker() == "c");
  const pb::Plan last = *NextPlan(next, {.lost = {0}}, hosts.resources).plan;
  CHECK(Ranks(last) == "2[0,8) ");
  const Planned none = NextPlan(last, {.lost = {2}}, hosts.resources);
  CHECK(!none.plan.has_value());
  CHECK(Texts(none).find("a free slot that computes as cpu AVX2 oneDNN 2.6.0 (a: 1 of 1") == 0);
  // Of a job that is about to end nobody takes over: the others are done.
  CHECK(!NextPlan(plan, {.lost = {1}, .ending = true}, hosts.resources).plan.has_value());
}

TEST_CASE("one of two lost tasks is placed where there is a slot for one") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1).Worker("b", 1).Worker("c", 1);
  JobNeeds needs = Needs(3);
  const pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  hosts.Occupy(plan);
  hosts.resources.usage.slots[{"c"}].clear();
  const pb::Plan next = *NextPlan(plan, {.lost = {0, 1}}, hosts.resources).plan;
  CHECK(Ranks(next) == "0[0,4) 2[4,8) ");
  CHECK(next.tasks(0).worker() == "c");
  CHECK(next.tasks(0).incarnation() == 2);
}

TEST_CASE("a returned server is named with its new incarnation and keeps its range") {
  Hosts hosts;
  hosts.Server("s0").Server("s1").Worker("w", 1);
  JobNeeds needs = Needs(1);
  const pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  hosts.members[1].who.set_incarnation(99);
  hosts.members[1].who.set_address("elsewhere:1");
  const pb::Plan next = *NextPlan(plan, {.returned = {"s1"}}, hosts.resources).plan;
  CHECK(next.shards(1).incarnation() == 99);
  CHECK(next.shards(1).address() == "elsewhere:1");
  CHECK(next.shards(1).block_begin() == plan.shards(1).block_begin());
  CHECK(next.shards(0).SerializeAsString() == plan.shards(0).SerializeAsString());
  CHECK(next.tasks(0).incarnation() == plan.tasks(0).incarnation());
}

TEST_CASE("instruction sets contain the ones before them; unknown ones only themselves") {
  pb::ComputeClass host, wanted;
  host.set_isa("AVX512_CORE_AMX");
  wanted.set_isa("AVX2");
  CHECK(CanCompute(host, wanted));
  CHECK(!CanCompute(wanted, host));
  wanted.set_isa("ASIMD");
  CHECK(!CanCompute(host, wanted));
  CHECK(CanCompute(wanted, wanted));
}

}  // namespace
}  // namespace paracord
