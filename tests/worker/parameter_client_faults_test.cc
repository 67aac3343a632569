#include <atomic>

#include "tests/worker/client_fixture.h"

namespace paracord {
namespace {

bool SameCall(const ShardCall& a, const ShardCall& b) {
  if (a.push.has_value() != b.push.has_value()) return false;
  const bool same_push = !a.push || a.push->SerializeAsString() == b.push->SerializeAsString();
  return same_push && a.pull.SerializeAsString() == b.pull.SerializeAsString() &&
         FloatsOf(a.floats) == FloatsOf(b.floats);
}

std::string WordsOf(const std::optional<pb::Wait>& wait) { return wait ? wait->what() : ""; }

bool Says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The one call that is to bring version 5: a push of step 4, or a pull.
ShardCall AskForFive(ClientFixture& f, bool push) {
  f.Adopt(1, {3});
  if (push) {
    f.client.Push(4, 30, {0, 3}, {f.Sum({2, 4}, {0, 3})});
  } else {
    f.client.Fetch(5);
  }
  return f.TakeOne();
}

TEST_CASE("Unavailable is sent again with the same bytes, after pauses from 20 to 200 ms") {
  for (const bool push : {true, false}) {
    ClientFixture f;
    const ShardCall first = AskForFive(f, push);
    first.done(absl::UnavailableError("nobody there"));
    for (const int pause : {20, 40, 80, 160, 200, 200}) {
      INFO("pause " << pause);
      f.timer.Advance(milliseconds(pause - 1));
      CHECK(f.Take(0).empty());
      f.timer.Advance(milliseconds(1));
      const ShardCall again = f.TakeOne();
      CHECK(SameCall(again, first));
      again.done(absl::UnavailableError("nobody there"));
    }
    f.timer.Advance(milliseconds(200));
    f.Answer(f.TakeOne(), 5);
    CHECK(f.client.AwaitAll().ok());
    CHECK(f.HoldsAll(5));
  }
}

TEST_CASE("DeadlineExceeded is sent again at once, with the same bytes") {
  for (const bool push : {true, false}) {
    ClientFixture f;
    const ShardCall first = AskForFive(f, push);
    first.done(absl::DeadlineExceededError("too late"));
    for (int i = 0; i < 5; ++i) {
      f.timer.Advance(Duration::zero());
      const ShardCall again = f.TakeOne();
      CHECK(SameCall(again, first));
      again.done(absl::DeadlineExceededError("too late"));
    }
    f.timer.Advance(Duration::zero());
    f.Answer(f.TakeOne(), 5);
    CHECK(f.client.AwaitAll().ok());
    CHECK(f.HoldsAll(5));
  }
}

TEST_CASE("a sum whose answer carries no weights is sent again too, until it is taken") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Push(4, 30, {0, 3}, {f.Sum({1, 2}, {0, 3}), f.Sum({2, 4}, {0, 3})});
  const ShardCall lost = f.Take(0).at(0);
  lost.done(absl::UnavailableError("lost"));
  f.timer.Advance(milliseconds(20));
  const ShardCall again = f.TakeOne();
  CHECK(SameCall(again, lost));
  again.done(Payload());
  f.timer.Advance(seconds(60));
  CHECK(f.Take(0).empty());
}

TEST_CASE("a pause says what it is for; a newer plan or a stop ends it, however long it is") {
  for (const bool stop : {true, false}) {
    ClientFixture f;
    f.Adopt(1, {3});
    std::future<absl::Status> pause =
        f.StartWaiting([&] { return f.client.Pause(std::chrono::hours(1), "version 7 is gone"); });
    CHECK(WordsOf(f.client.CurrentWait()) == "version 7 is gone");
    if (stop) {
      f.client.Stop();
      CHECK(absl::IsCancelled(pause.get()));
    } else {
      f.client.Interrupt();
      CHECK(absl::IsFailedPrecondition(pause.get()));
    }
    f.Adopt(2, {3});
    CHECK(WordsOf(f.client.CurrentWait()) == "");
  }
}

TEST_CASE("a pause that nothing ends takes its time") {
  ClientFixture f;
  f.Adopt(1, {3});
  const TimePoint begun = Clock::now();
  CHECK(f.client.Pause(milliseconds(20), "why").ok());
  CHECK(Clock::now() - begun >= milliseconds(20));
}

TEST_CASE("what a shard refuses is not sent again and spoils the client until the next plan") {
  using Code = absl::StatusCode;
  const std::vector<std::pair<Code, Code>> cases = {
      {Code::kFailedPrecondition, Code::kFailedPrecondition},
      {Code::kOutOfRange, Code::kOutOfRange},
      {Code::kCancelled, Code::kFailedPrecondition},
      {Code::kInvalidArgument, Code::kInvalidArgument}};
  for (const auto& [answer, seen] : cases) {
    for (const bool push : {true, false}) {
      INFO(absl::StatusCodeToString(answer) << (push ? " to a push" : " to a pull"));
      ClientFixture f;
      f.Adopt(1, {1, 3});
      if (push) {
        f.client.Push(4, 30, {0, 3}, {f.Sum({0, 8}, {0, 3})});
      } else {
        f.client.Fetch(5);
      }
      f.TakeOne(0).done(absl::Status(answer, "the shard's words"));
      for (int i = 0; i < 2; ++i) {
        CHECK(f.client.AwaitAll().code() == seen);
        CHECK(f.client.Await({0, 1}).code() == seen);
        CHECK(f.client.Await({1, 2}).code() == seen);
      }
      CHECK(Says(std::string(f.client.AwaitAll().message()), "the shard's words"));
      f.timer.Advance(seconds(60));
      CHECK(f.Take(0).empty());
      f.Take(1);
      f.Adopt(2, {1, 3});
      f.Land(5);
      CHECK(f.client.AwaitAll().ok());
      CHECK(f.HoldsAll(5));
    }
  }
}

TEST_CASE("the first refusal is the one that is told") {
  ClientFixture f;
  f.Adopt(1, {1, 3});
  f.client.Fetch(5);
  f.TakeOne(1).done(absl::OutOfRangeError("version 5 is gone"));
  f.TakeOne(0).done(absl::FailedPreconditionError("old plan"));
  const absl::Status status = f.client.AwaitAll();
  CHECK(absl::IsOutOfRange(status));
  CHECK(Says(std::string(status.message()), "server-1 at host-1:1"));
}

TEST_CASE("under a new plan answers to calls of an older one change nothing") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.Land(1);
  f.client.Push(1, 30, {0, 3}, {f.Sum({0, 8}, {0, 3})});
  const ShardCall old_push = f.TakeOne();
  f.client.Fetch(2);
  const ShardCall old_pull = f.TakeOne();
  f.client.Fetch(3);
  const ShardCall old_refused = f.TakeOne();
  f.Adopt(2, {3});
  f.client.Fetch(1);
  const ShardCall fresh = f.TakeOne();
  f.Answer(old_push, 2);
  f.Answer(old_pull, 2);
  old_refused.done(absl::OutOfRangeError("gone"));
  CHECK(f.HoldsAll(1));
  auto waiting = f.StartWaiting([&f] { return f.client.AwaitAll(); });
  f.Answer(fresh, 1);
  CHECK(waiting.get().ok());
  CHECK(f.HoldsAll(1));
}

TEST_CASE("what was to be sent again under an older plan is not") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Fetch(1);
  f.TakeOne().done(absl::UnavailableError("nobody there"));
  f.client.Push(1, 30, {0, 3}, {f.Sum({0, 8}, {0, 3})});
  f.TakeOne().done(Payload());
  f.Adopt(2, {3});
  f.timer.Advance(seconds(60));
  CHECK(f.Take(0).empty());
  CHECK(f.client.AwaitAll().ok());
}

TEST_CASE("answers on many threads, while plans change, never mix two plans' weights") {
  const int64_t size = 4 * static_cast<int64_t>(kBlockFloats);
  ClientFixture f({size, size});
  for (uint64_t plan = 1; plan <= 6; ++plan) {
    f.Adopt(plan, {4, 8});
    f.client.Fetch(plan);
    std::vector<std::thread> servers;
    for (uint32_t i = 0; i < 2; ++i) {
      for (ShardCall& call : f.Take(i)) {
        servers.emplace_back([&f, plan, call = std::move(call)] { f.Answer(call, plan); });
      }
    }
    if (plan % 2 == 0) {
      CHECK(f.client.AwaitAll().ok());
      CHECK(f.HoldsAll(plan));
    } else {
      f.Adopt(plan, {4, 8});
      const std::vector<float> before(f.client.tensor(0), f.client.tensor(0) + size);
      for (std::thread& server : servers) server.join();
      servers.clear();
      CHECK(std::equal(before.begin(), before.end(), f.client.tensor(0)));
    }
    for (std::thread& server : servers) server.join();
  }
}

TEST_CASE("Interrupt ends a wait with FailedPrecondition, and every other until the next plan") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Fetch(1);
  auto waiting = f.StartWaiting([&f] { return f.client.Await({1, 2}); });
  f.client.Interrupt();
  CHECK(absl::IsFailedPrecondition(waiting.get()));
  CHECK(absl::IsFailedPrecondition(f.client.AwaitAll()));
  f.Take(0);
  f.Adopt(2, {3});
  f.Land(1);
  CHECK(f.client.AwaitAll().ok());
}

TEST_CASE("Stop ends a wait with Cancelled, now and later, under whatever plan") {
  ClientFixture f;
  f.Adopt(1, {3});
  f.client.Fetch(1);
  auto waiting = f.StartWaiting([&f] { return f.client.AwaitAll(); });
  f.client.Stop();
  CHECK(absl::IsCancelled(waiting.get()));
  CHECK(absl::IsCancelled(f.client.Await({0, 1})));
  f.Adopt(2, {3});
  f.client.Fetch(1);
  CHECK(absl::IsCancelled(f.client.AwaitAll()));
}

TEST_CASE("CurrentWait is empty while nobody waits, whatever is under way") {
  ClientFixture f;
  CHECK_FALSE(f.client.CurrentWait());
  f.Adopt(1, {3});
  f.client.Fetch(1);
  CHECK_FALSE(f.client.CurrentWait());
  auto waiting = f.StartWaiting([&f] { return f.client.AwaitAll(); });
  f.Answer(f.TakeOne(), 1);
  CHECK(waiting.get().ok());
  f.client.Push(1, 30, {0, 3}, {f.Sum({0, 1}, {0, 3}), f.Sum({1, 2}, {0, 3})});
  f.Answer(f.Take(0).at(1), 2);
  CHECK(f.client.AwaitAll().ok());
  CHECK_FALSE(f.client.CurrentWait());
}

TEST_CASE("CurrentWait names the version and the server, and the server's words if it refuses") {
  ClientFixture f;
  f.Adopt(1, {1, 3});
  f.Land(4);
  f.client.Push(4, 30, {0, 3}, {f.Sum({0, 8}, {0, 3})});
  const ShardCall front = f.TakeOne(0), back = f.TakeOne(1);
  auto waiting = f.StartWaiting([&f] { return f.client.AwaitAll(); });
  CHECK(f.client.CurrentWait()->since_unix_ms() > 0);
  f.Answer(front, 5);
  CHECK(WordsOf(f.client.CurrentWait()) ==
        "version 5 of the weights from server-1 at host-1:1: the other tasks' gradients are not "
        "all there");
  back.done(Payload());  // taken: still the same wait
  CHECK(Says(WordsOf(f.client.CurrentWait()), "version 5 of the weights from server-1"));
  f.timer.Advance(Duration::zero());
  f.TakeOne(1).done(absl::UnavailableError("nobody there"));
  CHECK(WordsOf(f.client.CurrentWait()) == "server-1 at host-1:1: nobody there");
  f.timer.Advance(seconds(1));
  f.Answer(f.TakeOne(1), 5);
  CHECK(waiting.get().ok());
}

TEST_CASE("CurrentWait names the one that refuses rather than one that has only not answered") {
  for (const uint32_t refusing : {0u, 1u, 2u}) {
    ClientFixture f;
    f.Adopt(1, {1, 2, 3});
    f.client.Fetch(1);
    auto waiting = f.StartWaiting([&f] { return f.client.AwaitAll(); });
    f.TakeOne(refusing).done(absl::UnavailableError("nobody there"));
    const std::string words = WordsOf(f.client.CurrentWait());
    INFO(words);
    CHECK(Says(words, "server-" + std::to_string(refusing) + " at"));
    CHECK(Says(words, "nobody there"));
    f.client.Stop();
    CHECK(absl::IsCancelled(waiting.get()));
  }
}

// Its pauses are real: FirstStep waits on the clock's own condition.
TEST_CASE("FirstStep asks again those that do not answer, and says for whom it waits") {
  SystemTimer timer;
  ClientFixture f({6, 4, 3}, &timer);
  f.Adopt(1, {1, 3});
  std::atomic<bool> there = false;
  f.server(0).on_query = [](const pb::QueryRequest&) { return 6; };
  f.server(1).on_query = [&](const pb::QueryRequest&) -> absl::StatusOr<uint64_t> {
    if (there) return 5;
    return absl::UnavailableError("the shard is loading its blocks");
  };
  auto first = std::async(std::launch::async, [&f] { return f.client.FindStart(8, 1000); });
  REQUIRE(f.Eventually([&f] { return f.client.CurrentWait().has_value(); }));
  CHECK(WordsOf(f.client.CurrentWait()) == "server-1 at host-1:1: the shard is loading its blocks");
  CHECK(f.client.CurrentWait()->since_unix_ms() > 0);
  there = true;
  CHECK(first.get().value().version == 5);
  CHECK_FALSE(f.client.CurrentWait());
}

TEST_CASE("FindStart ends when it is interrupted or stopped, and with what a shard refuses") {
  SystemTimer timer;
  ClientFixture f({6, 4, 3}, &timer);
  f.Adopt(1, {3});
  f.server(0).on_query = [](const pb::QueryRequest&) {
    return absl::FailedPreconditionError("old plan");
  };
  CHECK(absl::IsFailedPrecondition(f.client.FindStart(8, 1000).status()));
  f.server(0).on_query = [](const pb::QueryRequest&) { return absl::UnavailableError("loading"); };
  const auto first_step = [&f] { return f.client.FindStart(8, 1000).status(); };
  auto interrupted = f.StartWaiting(first_step);
  f.client.Interrupt();
  CHECK(absl::IsFailedPrecondition(interrupted.get()));
  f.Adopt(2, {3});
  auto stopped = f.StartWaiting(first_step);
  f.client.Stop();
  CHECK(absl::IsCancelled(stopped.get()));
}

TEST_CASE("what is under way when the client goes ends without effect") {
  std::shared_ptr<Script> script;
  std::vector<ShardCall> calls;
  ManualTimer timer;
  {
    ClientFixture f({6, 4, 3}, &timer);
    f.Adopt(1, {3});
    f.client.Fetch(1);
    f.client.Push(1, 30, {0, 3}, {f.Sum({0, 8}, {0, 3})});
    calls = f.Take(0);
    f.client.Fetch(2);
    f.TakeOne().done(absl::UnavailableError("nobody there"));
    script = f.servers.at("host-0:1");
  }
  CHECK(script->shard.expired());
  REQUIRE(calls.size() == 2);
  calls[0].done(OwnedFloats(std::vector<float>(13)));
  calls[1].done(absl::UnavailableError("nobody there"));
  timer.Advance(seconds(60));
  CHECK(timer.pending() == 0);
}

}  // namespace
}  // namespace paracord
