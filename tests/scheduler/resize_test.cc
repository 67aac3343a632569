#include "scheduler/resize.h"

#include <catch2/catch.hpp>

#include "scheduler/plan_tasks.h"
#include "tests/scheduler/hosts.h"

namespace paracord {
namespace {

// Four workers of one slot, and a job of `tasks` on the first of them.
struct Elastic {
  Hosts hosts;
  pb::Plan plan;

  explicit Elastic(uint32_t tasks) {
    hosts.Server("s").Worker("a", 1).Worker("b", 1).Worker("c", 1).Worker("d", 1);
    JobNeeds needs = Needs(tasks);
    plan = *FirstPlan("j-1", needs, hosts.resources).plan;
    hosts.Occupy(plan);
  }
  pb::Plan Grown(uint32_t more) { return *GrowPlan(plan, more, hosts.resources).plan; }
};

TEST_CASE("a job grows onto free slots: new ranks, even ranges, old processes stay") {
  Elastic job(2);
  const pb::Plan next = job.Grown(1);
  CHECK(Ranks(next) == "0[0,2) 1[2,5) 2[5,8) ");
  CHECK(next.number() == 2);
  CHECK(next.tasks(0).incarnation() == 1);
  CHECK(next.tasks(2).incarnation() == 2);
  CHECK(next.tasks(2).worker() == "c");
  CHECK(Ranks(job.Grown(7)) == "0[0,2) 1[2,4) 2[4,6) 3[6,8) ");  // there are two slots
  job.hosts.Occupy(job.Grown(7));
  CHECK(!GrowPlan(job.plan, 1, job.hosts.resources).plan.has_value());
}

TEST_CASE("a rank that was released comes again with an incarnation above all it ever had") {
  Elastic job(3);
  job.plan = ShrinkPlan(job.plan, {1});
  CHECK(Ranks(job.plan) == "0[0,4) 2[4,8) ");
  const pb::Plan next = job.Grown(1);
  CHECK(Ranks(next) == "0[0,2) 1[2,5) 2[5,8) ");
  CHECK(next.tasks(1).incarnation() == 3);
  CHECK(next.tasks(2).incarnation() == 1);
}

TEST_CASE("a job does not grow onto a worker that computes other bits") {
  Hosts hosts;
  hosts.Server("s").Worker("a", 1, "AVX2").Worker("b", 1, "AVX").Worker("c", 1, "AVX512_CORE");
  JobNeeds needs = Needs(1);
  pb::Plan plan = *FirstPlan("j", needs, hosts.resources).plan;
  hosts.resources.usage.slots[{"a"}] = {"j"};
  plan = *GrowPlan(plan, 2, hosts.resources).plan;
  REQUIRE(plan.tasks_size() == 2);
  CHECK(plan.tasks(1).worker() == "c");
}

TEST_CASE("a backup computes what the slowest task computes, and follows it") {
  Elastic job(2);
  const Planned planned = BackupPlan(job.plan, 1, {1, 0}, job.hosts.resources);
  REQUIRE(planned.plan.has_value());
  CHECK(planned.why == "backup 2 on c computes what task 1 does");
  CHECK(Ranks(*planned.plan) == "0[0,4) 1[4,8) 2+[4,8) ");
  CHECK(TaskCount(*planned.plan) == 2);
  CHECK(BackupCount(*planned.plan) == 1);
  // The task that it stands by grows and shrinks with the others.
  job.plan = *planned.plan;
  CHECK(Ranks(job.Grown(1)) == "0[0,2) 1[2,5) 2+[2,5) 3[5,8) ");
  CHECK(Ranks(ShrinkPlan(job.plan, {0})) == "1[0,8) 2+[0,8) ");
  CHECK(Ranks(ShrinkPlan(job.plan, {1})) == "0[0,8) 2+[0,8) ");  // whom it stood by is gone
  CHECK(Ranks(ShrinkPlan(job.plan, {2})) == "0[0,4) 1[4,8) ");
}

TEST_CASE("there are no more backups than tasks, nor than slots") {
  Elastic one(1);
  CHECK(Ranks(*BackupPlan(one.plan, 9, {0}, one.hosts.resources).plan) == "0[0,8) 1+[0,8) ");
  Elastic three(3);
  const pb::Plan plan = *BackupPlan(three.plan, 2, {2, 1, 0}, three.hosts.resources).plan;
  CHECK(Ranks(plan) == "0[0,2) 1[2,5) 2[5,8) 3+[5,8) ");
}

TEST_CASE("a backup takes the place of a lost task that has no slot, and a lost backup just goes") {
  Elastic job(2);
  job.plan = *BackupPlan(job.plan, 1, {0, 1}, job.hosts.resources).plan;
  job.hosts.resources.usage.slots[{"d"}] = {"x"};
  job.hosts.resources.usage.slots[{"c"}] = {"j-1"};
  CHECK(Ranks(*NextPlan(job.plan, {.lost = {0}}, job.hosts.resources).plan) == "1[0,4) 2[4,8) ");
  CHECK(Ranks(*NextPlan(job.plan, {.lost = {0, 1}}, job.hosts.resources).plan) == "2[0,8) ");
  const Planned without = NextPlan(job.plan, {.lost = {2}}, job.hosts.resources);
  CHECK(Ranks(*without.plan) == "0[0,4) 1[4,8) ");
  CHECK(without.waits.empty());
}

TEST_CASE("who has most to spare by the order gives first: backups, then the highest ranks") {
  Elastic young(2), old(4);
  young.plan = *BackupPlan(young.plan, 1, {0, 1}, young.hosts.resources).plan;
  const std::set<Place> all = {{"a"}, {"b"}, {"c"}, {"d"}};
  using Given = std::vector<std::set<uint32_t>>;
  const std::vector<Giver> givers = {{&young.plan, 1}, {&old.plan, 2}};
  CHECK(GiveBack(givers, {all, 0}) == Given{{}, {}});
  CHECK(GiveBack(givers, {all, 1}) == Given{{2}, {}});
  CHECK(GiveBack(givers, {all, 2}) == Given{{1, 2}, {}});
  CHECK(GiveBack(givers, {all, 3}) == Given{{1, 2}, {3}});
  CHECK(GiveBack(givers, {all, 9}) == Given{{1, 2}, {2, 3}});
  CHECK(GiveBack(givers, {{{"a"}}, 9}) == Given{{0}, {0}});  // only that worker would do
  CHECK(GiveBack({{&old.plan, 4}}, {all, 1}) == Given{{}});
}

TEST_CASE("what is too many for a job is its highest ranks") {
  Elastic job(3);
  job.plan = *BackupPlan(job.plan, 1, {0, 1, 2}, job.hosts.resources).plan;
  CHECK(RanksOver(job.plan, 3, 1).empty());
  CHECK(RanksOver(job.plan, 9, 9).empty());
  CHECK(RanksOver(job.plan, 1, 1) == std::set<uint32_t>{1, 2});
  CHECK(RanksOver(job.plan, 2, 0) == std::set<uint32_t>{2, 3});
}

}  // namespace
}  // namespace paracord
