// A disk that takes seconds for a sync, while members go on sending heartbeats.
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "common/rpc/wait.h"
#include "scheduler/cluster.h"
#include "tests/scheduler/memory_journal.h"
#include "tests/scheduler/sim_job.h"
#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

// Holds each write of a job until it is let go.
class HeldJournal : public MemoryJournal {
 public:
  HeldJournal(std::shared_ptr<Store> store, std::promise<void>& reached, std::future<void> go)
      : MemoryJournal(std::move(store)), reached_(reached), go_(std::move(go)) {}
  absl::Status Write(const pb::ClusterRecord& cluster) override {
    return MemoryJournal::Write(cluster);
  }
  absl::Status Write(const pb::JobRecord& job) override {
    if (!std::exchange(held_, true)) {
      reached_.set_value();
      go_.wait();
    }
    return MemoryJournal::Write(job);
  }

 private:
  std::promise<void>& reached_;
  std::future<void> go_;
  bool held_ = false;
};

pb::JoinRequest Worker(const std::string& name) {
  pb::JoinRequest join;
  join.set_role(pb::WORKER);
  join.set_name(name);
  join.set_identity(name);
  join.set_incarnation(1);
  join.set_slots(1);
  return join;
}

std::string StateOf(Coordinator& cluster, const std::string& name) {
  const auto nodes = Await<pb::ListNodesReply>(
      [&](auto done) { cluster.ListNodes(pb::ListNodesRequest(), std::move(done)); });
  for (const pb::Node& node : nodes.value().nodes()) {
    if (node.id() == name) return node.state();
  }
  return "";
}

TEST_CASE("while the disk is slow nobody is lost who is heard of, and who is silent is") {
  ManualTimer timer;
  std::promise<void> reached, go;
  ClusterOptions options;
  options.unix_ms = [] { return 1; };
  auto cluster =
      Cluster::Open(options,
                    std::make_unique<HeldJournal>(std::make_shared<MemoryJournal::Store>(), reached,
                                                  go.get_future()),
                    timer)
          .value();
  for (const char* name : {"heard", "silent"}) {
    REQUIRE(Await<pb::JoinReply>([&](auto done) {
              cluster->Join(Worker(name), std::move(done));
            }).ok());
  }
  std::thread person([&] {
    pb::SubmitRequest submit;
    submit.set_yaml(SimJob().Yaml());
    submit.set_directory("/");
    CHECK(
        Await<pb::SubmitReply>([&](auto done) { cluster->Submit(submit, std::move(done)); }).ok());
  });
  reached.get_future().wait();  // the strand is at the disk
  pb::HeartbeatRequest beat;
  beat.set_name("heard");
  beat.set_incarnation(1);
  for (int i = 0; i < 10; ++i) {
    timer.Advance(milliseconds(500));
    cluster->Heartbeat(beat, [](const auto& reply) { CHECK(reply.ok()); });
  }
  go.set_value();
  person.join();
  CHECK(StateOf(*cluster, "heard") == "READY");
  CHECK(StateOf(*cluster, "silent") == "LOST");
}

}  // namespace
}  // namespace paracord
