// The gRPC stub and the service, over loopback, with a shard whose answers the test gives.
#include "server/shard_service.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/remote_shard.h"
#include "common/rpc/wait.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

// Keeps what is pushed, by block; answers pulls with it in one run a block. A pull of version 99
// stays parked until AnswerParked.
class KeepingShard : public Shard {
 public:
  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    absl::StatusOr<Payload> answer = Payload();
    {
      MutexLock lock(mutex_);
      if (header.pull()) answer = floats;
      kept_[header.block_begin()] = std::move(floats);
      if (!refusal_.ok()) answer = refusal_;
    }
    done(std::move(answer));
  }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    Payload out;
    {
      MutexLock lock(mutex_);
      if (header.version() == 99) {
        parked_.push_back(std::move(done));
        changed_.NotifyAll();
        return;
      }
      for (uint64_t b = header.block_begin(); b < header.block_end(); ++b) out.Append(kept_[b]);
    }
    done(std::move(out));
  }
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    pb::QueryReply reply;
    reply.set_version(request.plan() + 1);
    done(reply);
  }
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    pb::LeaseReply reply;
    reply.set_step(request.number());
    done(reply);
  }

  void Refuse(const absl::Status& status) {
    MutexLock lock(mutex_);
    refusal_ = status;
  }
  void AwaitParked(size_t count) {
    MutexLock lock(mutex_);
    while (parked_.size() < count) changed_.Wait(mutex_);
  }
  void AnswerParked(const absl::StatusOr<Payload>& answer) {
    std::vector<Callback<Payload>> parked;
    {
      MutexLock lock(mutex_);
      parked.swap(parked_);
    }
    for (const auto& done : parked) done(answer);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, Payload> kept_ ABSL_GUARDED_BY(mutex_);
  std::vector<Callback<Payload>> parked_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
};

struct Loopback {
  KeepingShard shard;
  std::unique_ptr<ShardService> service;
  std::unique_ptr<Shard> remote;

  explicit Loopback(int threads = 2)
      : service(ShardService::Start(shard, "127.0.0.1:0", "", threads).value()),
        remote(MakeRemoteShard(service->address())) {}
  ~Loopback() {
    shard.AnswerParked(absl::CancelledError("the test is over"));
    remote.reset();
    service.reset();
  }
  absl::Status Push(uint64_t block, const Payload& floats) {
    pb::PushHeader header;
    header.set_block_begin(block);
    std::promise<absl::Status> promise;
    remote->Push(header, floats, [&](const auto& reply) { promise.set_value(reply.status()); });
    return promise.get_future().get();
  }
  absl::StatusOr<Payload> Pull(uint64_t begin, uint64_t end) {
    pb::PullHeader header;
    header.set_block_begin(begin);
    header.set_block_end(end);
    return Await<Payload>([&](auto done) { remote->Pull(header, std::move(done)); });
  }
  std::future<absl::Status> ParkedPull() {
    pb::PullHeader header;
    header.set_version(99);
    auto promise = std::make_shared<std::promise<absl::Status>>();
    remote->Pull(header, [promise](const absl::StatusOr<Payload>& reply) {
      promise->set_value(reply.status());
    });
    return promise->get_future();
  }
};

std::vector<float> Random(uint64_t seed, size_t count) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::vector<float> out(count);
  for (float& value : out) value = static_cast<float>(random()) * 0x1p-20f;
  return out;
}

TEST_CASE("floats cross whole, both ways, in no block, one, three, and 5 MB of them") {
  Loopback loop;
  const std::vector<float> one = Random(1, 16384), big = Random(2, 5 << 18);
  REQUIRE(loop.Push(0, OwnedPayload(one)).ok());
  REQUIRE(loop.Push(1, OwnedPayload({-0.0f, 1.5f, 3e38f})).ok());
  REQUIRE(loop.Push(2, OwnedPayload(big)).ok());
  const auto none = loop.Pull(0, 0);
  REQUIRE(none.ok());
  CHECK(none->size() == 0);
  CHECK(SameBits(ToFloats(*loop.Pull(0, 1)), one));
  CHECK(SameBits(ToFloats(*loop.Pull(1, 2)), {-0.0f, 1.5f, 3e38f}));
  CHECK(SameBits(ToFloats(*loop.Pull(2, 3)), big));
  std::vector<float> all = one;
  all.insert(all.end(), {-0.0f, 1.5f, 3e38f});
  all.insert(all.end(), big.begin(), big.end());
  CHECK(SameBits(ToFloats(*loop.Pull(0, 3)), all));
}

TEST_CASE("a push in many runs that straddle floats arrives as one") {
  Loopback loop;
  const std::vector<float> values = Random(3, 10'000);
  const Payload whole = OwnedPayload(values);
  Payload::Cutter cutter(whole);
  Payload pieces;
  for (size_t left = whole.size(), i = 1; left > 0; ++i) {
    const size_t bytes = std::min(left, 997 * i);
    pieces.Append(cutter.Next(bytes));
    left -= bytes;
  }
  REQUIRE(loop.Push(0, pieces).ok());
  CHECK(SameBits(ToFloats(*loop.Pull(0, 1)), values));
}

TEST_CASE("the shard's status arrives with its code and message") {
  Loopback loop;
  for (const absl::Status& status :
       {absl::InvalidArgumentError("no node"), absl::FailedPreconditionError("plan 3 is old"),
        absl::OutOfRangeError("gone"), absl::ResourceExhaustedError("too big"),
        absl::DataLossError("torn"), absl::CancelledError("newer plan")}) {
    loop.shard.Refuse(status);
    CHECK(loop.Push(0, Payload()) == status);
  }
  loop.shard.Refuse(absl::UnavailableError("loading"));
  const absl::Status unavailable = loop.Push(0, Payload());
  CHECK(absl::IsUnavailable(unavailable));  // the stub says which server
  CHECK(unavailable.message() == "server at " + loop.service->address() + ": loading");
}

TEST_CASE("Query crosses too") {
  Loopback loop;
  pb::QueryRequest request;
  request.set_plan(41);
  const auto reply =
      Await<pb::QueryReply>([&](auto done) { loop.remote->Query(request, std::move(done)); });
  REQUIRE(reply.ok());
  CHECK(reply->version() == 42);
}

TEST_CASE("64 calls at once are each answered with their own floats") {
  constexpr uint64_t kCalls = 64;
  std::vector<std::promise<absl::Status>> pushed(kCalls);
  std::vector<std::promise<absl::StatusOr<Payload>>> pulled(kCalls);
  Loopback loop;  // goes before the promises that its calls keep
  for (uint64_t i = 0; i < kCalls; ++i) {
    pb::PushHeader header;
    header.set_block_begin(i);
    loop.remote->Push(header, OwnedPayload(Random(i, 20'000)),
                      [&pushed, i](const auto& reply) { pushed[i].set_value(reply.status()); });
  }
  for (auto& promise : pushed) CHECK(promise.get_future().get() == absl::OkStatus());
  for (uint64_t i = 0; i < kCalls; ++i) {
    pb::PullHeader header;
    header.set_block_begin(i);
    header.set_block_end(i + 1);
    loop.remote->Pull(header, [&pulled, i](absl::StatusOr<Payload> reply) {
      pulled[i].set_value(std::move(reply));
    });
  }
  for (uint64_t i = 0; i < kCalls; ++i) {
    const auto reply = pulled[i].get_future().get();
    REQUIRE(reply.ok());
    CHECK(SameBits(ToFloats(*reply), Random(i, 20'000)));
  }
}

TEST_CASE("parked pulls hold up nothing: more of them than calls are kept ready for") {
  Loopback loop(1);
  std::vector<std::future<absl::Status>> parked;
  for (int i = 0; i < 100; ++i) parked.push_back(loop.ParkedPull());
  loop.shard.AwaitParked(100);
  CHECK(loop.Push(0, OwnedPayload({1})).ok());
  loop.shard.AnswerParked(Payload());
  for (auto& answer : parked) CHECK(answer.get().ok());
}

TEST_CASE("destroying the stub answers its parked pulls at once") {
  Loopback loop;
  std::vector<std::future<absl::Status>> parked;
  for (int i = 0; i < 10; ++i) parked.push_back(loop.ParkedPull());
  loop.shard.AwaitParked(10);
  const auto start = std::chrono::steady_clock::now();
  loop.remote.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  for (auto& answer : parked) CHECK(absl::IsCancelled(answer.get()));
}

TEST_CASE(
    "a service whose shard has cancelled what was parked goes at once, and its answers went out") {
  Loopback loop;
  std::vector<std::future<absl::Status>> parked;
  for (int i = 0; i < 10; ++i) parked.push_back(loop.ParkedPull());
  loop.shard.AwaitParked(10);
  loop.shard.AnswerParked(absl::CancelledError("stopping"));
  const auto start = std::chrono::steady_clock::now();
  loop.service.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  for (auto& answer : parked) CHECK(absl::IsCancelled(answer.get()));
  loop.service = ShardService::Start(loop.shard, "127.0.0.1:0", "", 1).value();
}

TEST_CASE("a service goes only when every call has its answer, however late that comes") {
  Loopback loop;
  std::vector<std::future<absl::Status>> parked;
  for (int i = 0; i < 10; ++i) parked.push_back(loop.ParkedPull());
  loop.shard.AwaitParked(10);
  std::atomic<bool> answered{false};
  std::thread late([&] {
    // Given up on the other side: the service grants no more time.
    for (auto& answer : parked) answer.wait_for(std::chrono::seconds(20));
    answered = true;
    loop.shard.AnswerParked(absl::CancelledError("stopping"));
  });
  loop.service.reset();
  CHECK(answered);
  late.join();
  for (auto& answer : parked) CHECK_FALSE(answer.get().ok());
  loop.service = ShardService::Start(loop.shard, "127.0.0.1:0", "", 1).value();
}

TEST_CASE("a stub finds a server that came back at its address") {
  Loopback loop;
  REQUIRE(loop.Push(0, OwnedPayload({1})).ok());
  const std::string address = loop.service->address();
  loop.service.reset();
  CHECK(absl::IsUnavailable(loop.Push(0, OwnedPayload({2}))));
  loop.service = ShardService::Start(loop.shard, address, "", 1).value();
  absl::Status status;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  do {
    status = loop.Push(0, OwnedPayload({3}));
  } while (!status.ok() && std::chrono::steady_clock::now() < until);
  CHECK(status.ok());
}

TEST_CASE("one poller serves the stubs of several servers") {
  KeepingShard shards[2];
  auto first = ShardService::Start(shards[0], "127.0.0.1:0", "", 1).value();
  auto second = ShardService::Start(shards[1], "127.0.0.1:0", "", 1).value();
  auto poller = std::make_shared<Poller>();
  auto one = MakeRemoteShard(first->address(), poller);
  auto two = MakeRemoteShard(second->address(), std::move(poller));
  pb::QueryRequest request;
  for (Shard* remote : {one.get(), two.get()}) {
    CHECK(Await<pb::QueryReply>([&](auto done) { remote->Query(request, std::move(done)); }).ok());
    CHECK(Await<Payload>([&](auto done) { remote->Pull(pb::PullHeader(), std::move(done)); }).ok());
  }
}

TEST_CASE("a port that is taken is AlreadyExists, an address that is none InvalidArgument") {
  Loopback loop;
  CHECK(absl::IsAlreadyExists(
      ShardService::Start(loop.shard, loop.service->address(), "", 1).status()));
  CHECK(absl::IsInvalidArgument(ShardService::Start(loop.shard, "nowhere", "", 1).status()));
}

}  // namespace
}  // namespace paracord
