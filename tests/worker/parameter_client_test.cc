#include "worker/parameter_client.h"

#include <cstring>

#include "tests/worker/client_fixture.h"

namespace paracord {
namespace {

TEST_CASE(
    "a fetch asks every shard for its blocks, and what it answers lands in the right tensors") {
  ClientFixture f({6, static_cast<int64_t>(kBlockFloats) + 5, 3});
  f.Adopt(7, {2, 4});
  f.client.Fetch(5);
  const ShardCall front = f.TakeOne(0), back = f.TakeOne(1);
  CHECK_FALSE(front.push);
  CHECK(front.pull.job() == "job");
  CHECK(front.pull.shard() == 0);
  CHECK(back.pull.shard() == 1);
  CHECK(back.pull.plan() == 7);
  CHECK(back.pull.version() == 5);
  CHECK(front.blocks() == BlockRange{0, 2});
  CHECK(back.blocks() == BlockRange{2, 4});
  f.Answer(back, 5);
  CHECK(f.client.Await({2, 4}).ok());
  CHECK(f.Holds(5, 2));
  f.Answer(front, 5);
  CHECK(f.client.Await({0, 4}).ok());
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.HoldsAll(5));
}

TEST_CASE("a push sends each sum's bytes and node, and asks for the next version with the last") {
  ClientFixture f;
  f.Adopt(7, {3}, 9);
  f.Land(4);
  const std::vector<TreeSum::Partial> sums = {f.Sum({1, 2}, {0, 2}), f.Sum({2, 4}, {0, 2}),
                                              f.Sum({4, 8}, {0, 2})};
  f.client.Push(4, 30, {0, 2}, sums);
  const std::vector<ShardCall> calls = f.Take(0);
  REQUIRE(calls.size() == 3);
  for (size_t i = 0; i < calls.size(); ++i) {
    INFO(i);
    REQUIRE(calls[i].push);
    const pb::PushHeader& header = *calls[i].push;
    CHECK(header.job() == "job");
    CHECK(header.shard() == 0);
    CHECK(header.plan() == 7);
    CHECK(header.step() == 4);
    CHECK(header.total_steps() == 30);
    CHECK(header.rank() == 9);
    CHECK(TreeNode{header.node_begin(), header.node_end()} == sums[i].node);
    CHECK(calls[i].blocks() == BlockRange{0, 2});
    CHECK(header.pull() == (i == 2));
    CHECK(FloatsOf(calls[i].floats) == f.Weights(sums[i].node.begin, {0, 2}));
  }
}

TEST_CASE("a push of nothing sends nothing") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Push(0, 1, {0, 3}, {});
  CHECK(f.Take(0).empty());
  CHECK(f.client.AwaitAll().ok());
}

TEST_CASE("the answer to a push lands in the blocks that were pushed, and in no others") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.Land(4);
  f.client.Push(4, 30, {1, 2}, {f.Sum({0, 8}, {1, 2})});
  const ShardCall call = f.TakeOne();
  CHECK(f.client.Await({0, 1}).ok());
  CHECK(f.client.Await({2, 3}).ok());
  f.Answer(call, 5);
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.Holds(4, 0));
  CHECK(f.Holds(5, 1));
  CHECK(f.Holds(4, 2));
}

TEST_CASE("a sum whose answer does not carry weights keeps nobody waiting") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.Land(4);
  f.client.Push(4, 30, {0, 3}, {f.Sum({0, 1}, {0, 3}), f.Sum({1, 2}, {0, 3})});
  const std::vector<ShardCall> calls = f.Take(0);
  REQUIRE(calls.size() == 2);
  f.Answer(calls[1], 5);
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.HoldsAll(5));
  calls[0].done(Payload());
  f.timer.Advance(seconds(60));
  CHECK(f.Take(0).empty());
  CHECK(f.client.AwaitAll().ok());
}

TEST_CASE("an empty answer to a push becomes, at once, a pull of the version that the step makes") {
  ClientFixture f;
  f.Adopt(7, {3});
  f.Land(4);
  f.client.Push(4, 30, {1, 3}, {f.Sum({0, 8}, {1, 3})});
  f.TakeOne().done(Payload());
  f.timer.Advance(Duration::zero());
  const ShardCall pull = f.TakeOne();
  REQUIRE_FALSE(pull.push);
  CHECK(pull.pull.job() == "job");
  CHECK(pull.pull.plan() == 7);
  CHECK(pull.pull.version() == 5);
  CHECK(pull.blocks() == BlockRange{1, 3});
  pull.done(absl::DeadlineExceededError("not there yet"));
  f.timer.Advance(Duration::zero());
  const ShardCall again = f.TakeOne();
  CHECK_FALSE(again.push);
  f.Answer(again, 5);
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.Holds(4, 0));
  CHECK(f.Holds(5, 1));
  CHECK(f.Holds(5, 2));
}

TEST_CASE("an empty answer to a pull is wrong") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Fetch(4);
  f.TakeOne().done(Payload());
  CHECK(absl::IsInternal(f.client.AwaitAll()));
}

TEST_CASE("an answer of another size than its blocks is Internal, names the server and spoils") {
  for (const size_t floats : {1, 12, 14}) {
    ClientFixture f;
    f.Adopt(1, {3});
    f.client.Fetch(4);
    f.TakeOne().done(OwnedFloats(std::vector<float>(floats)));
    const absl::Status status = f.client.AwaitAll();
    INFO(status.ToString());
    CHECK(absl::IsInternal(status));
    CHECK(std::string(status.message()).find("server-0 at host-0:1") != std::string::npos);
    CHECK(std::string(status.message()).find("expected 52") != std::string::npos);
  }
}

// One push of [0, blocks) under `ends`, and what reached which server.
std::vector<std::vector<ShardCall>> PushAll(ClientFixture& f, const std::vector<uint64_t>& ends) {
  const BlockRange all{0, f.grid.blocks()};
  f.Adopt(1, ends);
  f.client.Push(0, 9, all, {f.Sum({0, 8}, all)});
  std::vector<std::vector<ShardCall>> calls;
  for (uint32_t i = 0; i < ends.size(); ++i) calls.push_back(f.Take(i));
  return calls;
}

TEST_CASE("what goes to several shards is cut at their borders and into messages of 2 MiB") {
  constexpr int64_t kBlock = static_cast<int64_t>(kBlockFloats);
  ClientFixture f({6, 70 * kBlock + 1, kBlock, 3});
  REQUIRE(f.grid.blocks() == 74);
  const std::vector<uint64_t> ends = {1, 33, 34, 34, 74};  // 1, 32, 1, 0 and 40 blocks
  const auto calls = PushAll(f, ends);
  CHECK(calls[0].size() == 1);
  CHECK(calls[1].size() == 1);
  CHECK(calls[2].size() == 1);
  CHECK(calls[3].empty());
  CHECK(calls[4].size() == 2);
  uint64_t next = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const ShardCall& call : calls[i]) {
      CHECK(call.push->shard() == i);
      CHECK(call.blocks().begin == next);
      next = call.blocks().end;
      CHECK(next <= ends[i]);
      CHECK(call.floats.size() <= 2 << 20);
      CHECK(FloatsOf(call.floats) == f.Weights(0, call.blocks()));
    }
  }
  CHECK(next == 74);
  for (size_t i = calls.size(); i-- > 0;) {
    for (const ShardCall& call : calls[i]) f.Answer(call, 1);
  }
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.HoldsAll(1));
}

TEST_CASE("messages to one shard are of about the same size") {
  ClientFixture f({65 * static_cast<int64_t>(kBlockFloats)});
  const auto calls = PushAll(f, {65});
  REQUIRE(calls[0].size() == 3);
  for (const ShardCall& call : calls[0]) {
    CHECK(call.blocks().size() >= 21);
    CHECK(call.blocks().size() <= 22);
  }
}

TEST_CASE("a tensor is there when the last of its messages has landed") {
  ClientFixture f({6, 4});
  f.Adopt(1, {1, 2});
  f.client.Fetch(1);
  const ShardCall front = f.TakeOne(0), back = f.TakeOne(1);
  auto both = f.StartWaiting([&f] { return f.client.Await({0, 2}); });
  f.Answer(back, 1);
  CHECK(f.client.CurrentWait().has_value());
  f.Answer(front, 1);
  CHECK(both.get().ok());
  CHECK(f.HoldsAll(1));
}

TEST_CASE("a shard is connected to once for each address and incarnation, and goes with its plan") {
  ClientFixture f;
  f.Adopt(1, {1, 3});
  REQUIRE(f.connected.size() == 2);
  const std::shared_ptr<Script> second = f.servers.at("host-1:1");
  f.Adopt(2, {2, 3});
  CHECK(f.connected.size() == 2);
  CHECK_FALSE(second->shard.expired());
  f.Adopt(3, {3});
  CHECK(f.connected.size() == 2);
  CHECK(second->shard.expired());
  f.Adopt(4, {1, 3});
  CHECK(f.connected.size() == 3);
  CHECK(f.connected.back() == std::pair<std::string, uint64_t>("host-1:1", 101));
}

TEST_CASE("two shards on one server share one connection") {
  ClientFixture f;
  pb::Plan plan;
  plan.set_number(1);
  for (uint32_t i = 0; i < 2; ++i) {
    pb::ShardRange& range = *plan.add_shards();
    range.set_index(i);
    range.set_address("host-0:1");
    range.set_incarnation(1);
    range.set_block_begin(i);
    range.set_block_end(i == 0 ? 1 : 3);
  }
  f.client.Adopt(plan, 0);
  CHECK(f.connected.size() == 1);
  f.client.Fetch(0);
  const std::vector<ShardCall> calls = f.Take(0);
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].pull.shard() == 0);
  CHECK(calls[1].pull.shard() == 1);
}

TEST_CASE("a task begins with the lowest version of all shards") {
  ClientFixture f;
  f.Adopt(7, {1, 2, 3});
  std::vector<pb::QueryRequest> asked;
  const std::vector<uint64_t> versions = {5, 3, 4};
  for (uint32_t i = 0; i < 3; ++i) {
    f.server(i).on_query = [&, i](const pb::QueryRequest& request) {
      asked.push_back(request);
      return versions[i];
    };
  }
  CHECK(f.client.FindStart(8, 1000).value().version == 3);
  REQUIRE(asked.size() == 3);
  for (uint32_t i = 0; i < 3; ++i) {
    CHECK(asked[i].job() == "job");
    CHECK(asked[i].plan() == 7);
    CHECK(asked[i].shard() == i);
  }
}

}  // namespace
}  // namespace paracord
