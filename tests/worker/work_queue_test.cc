#include "worker/work_queue.h"

#include <catch2/catch.hpp>
#include <future>

#include "tests/worker/client_fixture.h"

namespace paracord {
namespace {

using Nodes = std::vector<TreeNode>;

// A queue whose shard keeps what it is asked.
struct Fixture {
  Fixture() { Adopt(7); }

  void Adopt(uint64_t number) {
    pb::Plan plan;
    plan.set_job("job");
    plan.set_number(number);
    pb::ShardRange* range = plan.add_shards();
    range->set_server("server-0");
    range->set_address("host-0:1");
    queue.Adopt(plan, 3, shard);
  }
  void Ask() { queue.Ask({2, 4, {9}}, 2, 30, 8); }
  // What has reached the shard since this was last asked.
  std::vector<std::pair<pb::LeaseRequest, Callback<pb::LeaseReply>>> Take() {
    MutexLock lock(script->mutex);
    return std::exchange(script->leases, {});
  }
  std::pair<pb::LeaseRequest, Callback<pb::LeaseReply>> TakeOne() {
    auto leases = Take();
    REQUIRE(leases.size() == 1);
    return leases[0];
  }
  static pb::LeaseReply Reply(uint64_t step, const Nodes& nodes) {
    pb::LeaseReply reply;
    reply.set_step(step);
    for (const TreeNode& node : nodes) {
      pb::LeaseReply::Sum* sum = reply.add_sums();
      sum->set_begin(node.begin);
      sum->set_end(node.end);
    }
    return reply;
  }

  ManualTimer timer;
  const std::shared_ptr<Script> script = std::make_shared<Script>();
  std::shared_ptr<ScriptedShard> shard = std::make_shared<ScriptedShard>(script);
  WorkQueue queue{timer};
};

TEST_CASE("requests are numbered, and the first of a plan says where it began") {
  Fixture f;
  f.Ask();
  const auto [first, answer] = f.TakeOne();
  CHECK(first.job() == "job");
  CHECK(first.plan() == 7);
  CHECK(first.rank() == 3);
  CHECK(first.number() == 1);
  CHECK(first.most() == 2);
  CHECK(first.until() == 30);
  CHECK(first.version() == 2);
  CHECK(first.touched() == 4);
  CHECK(first.done_size() == 1);
  answer(Fixture::Reply(5, {{0, 4}, {4, 6}}));
  const Work work = f.queue.Await().value();
  CHECK(work.step == 5);
  CHECK(work.sums == Nodes{{0, 4}, {4, 6}});
  f.Ask();
  const auto second = f.TakeOne();
  CHECK(second.first.number() == 2);
  CHECK(second.first.done_size() == 0);
}

TEST_CASE("while nobody answers the same request is sent again") {
  Fixture f;
  f.Ask();
  auto [request, answer] = f.TakeOne();
  for (const absl::Status& away :
       {absl::UnavailableError("loading"), absl::DeadlineExceededError("late")}) {
    answer(away);
    CHECK(f.Take().empty());  // not at once
    f.timer.Advance(milliseconds(200));
    const auto again = f.TakeOne();
    CHECK(again.first.SerializeAsString() == request.SerializeAsString());
    answer = again.second;
  }
  answer(Fixture::Reply(2, {{1, 2}}));
  CHECK(f.queue.Await().value().sums == Nodes{{1, 2}});
}

TEST_CASE("answers to what was asked before, or under another plan, are dropped") {
  Fixture f;
  f.Ask();
  const auto old = f.TakeOne();
  f.Adopt(8);
  f.Ask();
  const auto now = f.TakeOne();
  CHECK(now.first.number() == 1);
  old.second(Fixture::Reply(9, {{0, 8}}));
  now.second(Fixture::Reply(2, {{0, 1}}));
  old.second(absl::UnavailableError("late"));
  CHECK(f.queue.Await().value().step == 2);
  f.timer.Advance(seconds(1));
  CHECK(f.Take().empty());
}

TEST_CASE("under the same plan requests go on being numbered: the shard remembers") {
  Fixture f;
  f.Ask();
  f.TakeOne();
  f.Adopt(7);
  f.Ask();
  CHECK(f.TakeOne().first.number() == 2);
}

TEST_CASE("what a shard refuses is told with its name") {
  Fixture f;
  f.Ask();
  f.TakeOne().second(absl::FailedPreconditionError("plan 8 is in force"));
  const absl::Status refused = f.queue.Await().status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(std::string(refused.message()).find("server-0") != std::string::npos);
}

TEST_CASE("work that cannot be is told as such") {
  for (const pb::LeaseReply& reply :
       {Fixture::Reply(5, {{1, 3}}), Fixture::Reply(5, {{0, 9}}), Fixture::Reply(30, {{0, 1}}),
        Fixture::Reply(5, {{2, 4}, {0, 2}}), Fixture::Reply(5, {{0, 4}, {2, 4}}),
        Fixture::Reply(5, {{3, 3}})}) {
    CAPTURE(reply.DebugString());
    Fixture f;
    f.Ask();
    f.TakeOne().second(reply);
    CHECK(absl::IsInternal(f.queue.Await().status()));
  }
  Fixture f;
  f.Ask();
  f.TakeOne().second(Fixture::Reply(0, {}));  // nothing is left
  CHECK(f.queue.Await().value().sums.empty());
}

TEST_CASE("whoever waits is told who hands out, and why it is over") {
  Fixture f;
  f.Ask();
  CHECK_FALSE(f.queue.CurrentWait().has_value());
  std::future<absl::Status> waiting =
      std::async(std::launch::async, [&] { return f.queue.Await().status(); });
  REQUIRE(ClientFixture::Eventually([&] { return f.queue.CurrentWait().has_value(); }));
  CHECK(f.queue.CurrentWait()->what().find("server-0 at host-0:1") != std::string::npos);
  f.queue.Spoil(absl::CancelledError("the task is to stop"));
  CHECK(absl::IsCancelled(waiting.get()));
  CHECK_FALSE(f.queue.CurrentWait().has_value());
  f.Adopt(8);
  f.Ask();
  f.Take().back().second(Fixture::Reply(2, {{0, 1}}));
  CHECK(f.queue.Await().ok());
}

TEST_CASE("a shard that a newer plan has dropped is asked nothing") {
  Fixture f;
  f.shard.reset();
  f.Ask();
  CHECK(f.Take().empty());
}

}  // namespace
}  // namespace paracord
