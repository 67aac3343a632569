#include "scheduler/coordinator_service.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "common/base/mutex.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/rpc.h"
#include "common/rpc/wait.h"
#include "scheduler/cluster.h"
#include "tests/scheduler/memory_journal.h"
#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

// A scheduler behind gRPC, whose clock stands still; and who has gone, as its service saw it.
class Fixture {
 public:
  Fixture() {
    ClusterOptions options;
    options.unix_ms = [] { return 1; };
    auto journal = std::make_unique<MemoryJournal>(std::make_shared<MemoryJournal::Store>());
    cluster_ = Cluster::Open(options, std::move(journal), timer_).value();
    service_ =
        std::make_unique<CoordinatorService>(*cluster_, [this](const pb::WatchRequest& request) {
          MutexLock lock(mutex_);
          gone_.push_back(request.name());
        });
    grpc::ServerBuilder builder;
    Listening listening{"127.0.0.1:0"};
    Listen(builder, listening);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    REQUIRE(CheckBound(server_.get(), listening).ok());
    address_ = AdvertisedAddress(listening, "");
  }
  ~Fixture() { Stop(); }
  // After this nothing is seen any more.
  void Stop() {
    cluster_->Stop();
    server_->Shutdown(std::chrono::system_clock::now() + seconds(1));
    server_->Wait();
  }

  std::unique_ptr<Coordinator> Connect() { return MakeRemoteCoordinator(address_); }
  std::vector<std::string> gone() {
    MutexLock lock(mutex_);
    return gone_;
  }
  ManualTimer& timer() { return timer_; }

 private:
  ManualTimer timer_;
  Mutex mutex_;
  std::vector<std::string> gone_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

bool Eventually(const std::function<bool()>& condition) {
  const auto until = Clock::now() + std::chrono::minutes(1);
  while (Clock::now() < until) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

// Joins, and begins to watch with what there is: that call is answered when something changes.
pb::WatchRequest JoinAndWatch(Coordinator& coordinator, const std::string& name) {
  pb::JoinRequest join;
  join.set_role(pb::WORKER);
  join.set_name(name);
  join.set_identity(name);
  join.set_incarnation(1);
  join.set_slots(1);
  REQUIRE(Await<pb::JoinReply>([&](auto done) { coordinator.Join(join, std::move(done)); }).ok());
  pb::WatchRequest watch;
  watch.set_name(name);
  watch.set_incarnation(1);
  const auto first =
      Await<pb::WatchReply>([&](auto done) { coordinator.Watch(watch, std::move(done)); });
  watch.set_revision(first.value().revision());
  return watch;
}

TEST_CASE("the end of a member's connection is seen by the Watch that it leaves behind") {
  Fixture f;
  auto coordinator = f.Connect();
  const pb::WatchRequest watch = JoinAndWatch(*coordinator, "worker-0");
  coordinator->Watch(watch, [](const auto&) {});
  // Over the same connection, and answered: the Watch before it has arrived.
  REQUIRE(Await<pb::ListNodesReply>([&](auto done) {
            coordinator->ListNodes(pb::ListNodesRequest(), std::move(done));
          }).ok());
  CHECK(f.gone().empty());
  coordinator.reset();
  CHECK(Eventually([&] { return f.gone() == std::vector<std::string>{"worker-0"}; }));
}

TEST_CASE("a Watch that is answered, at once or when nothing has changed, is no end") {
  Fixture f;
  auto coordinator = f.Connect();
  const pb::WatchRequest watch = JoinAndWatch(*coordinator, "worker-0");
  std::promise<void> answered;
  coordinator->Watch(watch, [&](const auto& reply) {
    CHECK(reply.ok());
    answered.set_value();
  });
  auto future = answered.get_future();
  REQUIRE(Eventually([&] {  // it has arrived when time makes it answer
    f.timer().Advance(milliseconds(100));
    pb::HeartbeatRequest beat;
    beat.set_name("worker-0");
    beat.set_incarnation(1);
    (void)Await<pb::HeartbeatReply>(
        [&](auto done) { coordinator->Heartbeat(beat, std::move(done)); });
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }));
  coordinator.reset();
  f.Stop();
  CHECK(f.gone().empty());
}

}  // namespace
}  // namespace paracord
