#include <catch2/catch.hpp>

#include "tests/worker/client_fixture.h"

namespace paracord {
namespace {

TEST_CASE("a sum of minibatches carries its node, and its answer is the newest for the next step") {
  ClientFixture f;
  f.Adopt(7, {3}, 2);
  f.Land(4);
  f.client.PushMinibatches(4, 30, {0, 2}, f.Sum({4, 6}, {0, 2}), 6);
  ShardCall call = f.TakeOne();
  REQUIRE(call.push);
  CHECK(call.push->minibatch());
  CHECK(call.push->step() == 4);
  CHECK(call.push->node_begin() == 4);
  CHECK(call.push->node_end() == 6);
  CHECK(call.push->rank() == 2);
  CHECK(call.push->pull());
  CHECK(call.push->next_step() == 6);
  CHECK(FloatsOf(call.floats) == f.Weights(4, {0, 2}));
  call.done(Payload());  // taken; what it is to answer did not come in good time
  REQUIRE(ClientFixture::Eventually([&] {
    f.timer.Advance(milliseconds(1));
    std::vector<ShardCall> calls = f.Take(0);
    if (!calls.empty()) call = calls[0];
    return !calls.empty();
  }));
  CHECK_FALSE(call.push);
  CHECK(call.pull.newest());
  CHECK(call.pull.version() == 6);
  f.Answer(call, 5);
  CHECK(f.client.AwaitAll().ok());
  CHECK(f.Holds(5, 0));
  CHECK(f.Holds(4, 2));
}

TEST_CASE("what is read for the step after the last lacks nothing") {
  ClientFixture f;
  f.Adopt(7, {3});
  f.client.FetchNewest(29, 30);
  CHECK(f.TakeOne().pull.newest());
  f.Adopt(8, {3});
  f.client.FetchNewest(30, 30);
  const ShardCall call = f.TakeOne();
  CHECK_FALSE(call.pull.newest());
  CHECK(call.pull.version() == 30);
}

TEST_CASE("a sum that asks for nothing keeps nobody waiting") {
  ClientFixture f;
  f.Adopt(7, {3});
  f.Land(4);
  f.client.PushMinibatches(4, 30, {0, 3}, f.Sum({0, 1}, {0, 3}), std::nullopt);
  CHECK_FALSE(f.TakeOne().push->pull());
  CHECK(f.client.AwaitAll().ok());
}

TEST_CASE("a task does not begin where a shard says what cannot be") {
  ClientFixture f;
  f.Adopt(7, {3});
  f.server(0).on_query = [](const pb::QueryRequest&) { return uint64_t{32}; };
  const auto start = f.client.FindStart(8, 30);
  CHECK(absl::IsInternal(start.status()));
  CHECK(std::string(start.status().message()).find("server-0") != std::string::npos);
}

}  // namespace
}  // namespace paracord
